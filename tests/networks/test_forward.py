"""The forward pass computes, differentiates and updates what the model does, whatever it computes together."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from dcgan_kit.components.plugins import load_builtins
from dcgan_kit.networks.building import build_networks
from dcgan_kit.networks.forward import Forward, forward_of

FLOAT32 = 2e-5
HALF = 4e-2
"""bfloat16 keeps 8 bits: values differ by 2⁻⁸ of the largest and more where roundings add up."""


def chain(shape, *members, seed=0):
    """A model of layers in a row, with every weight drawn, biases and moving statistics too."""
    given = keras.Input(shape)
    tensor = given
    for member in members:
        tensor = member(tensor)
    model = keras.Model(given, tensor)
    draw = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.dtype == "float32":
            positive = variable.path.endswith(("variance", "gamma"))
            law = draw.uniform(0.5, 1.5, variable.shape) if positive else draw.normal(0, 0.3, variable.shape)
            variable.assign(law)
    return model


def inputs_of(model, batch=4, seed=1):
    return np.random.default_rng(seed).normal(0.3, 1.0, (batch, *model.input_shape[1:])).astype("float32")


def everything(model, run, x, training=True):
    """Outputs, gradients by input and weights, and what every variable became; the variables are put back."""
    before = [np.array(v) for v in all_variables(model)]
    weights = [v.value for v in model.trainable_variables]
    x = tf.constant(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([x, *weights])
        y = run(x, training=training)
        # Each output counts differently, so that a mistake in one is not made up for by another.
        weighted = tf.cast(y, tf.float32) * tf.cos(tf.reshape(tf.range(tf.size(y), dtype=tf.float32), tf.shape(y)))
        loss = tf.reduce_sum(weighted)
    gradients = tape.gradient(loss, [x, *weights])
    after = [np.array(v) for v in all_variables(model)]
    for variable, value in zip(all_variables(model), before, strict=True):
        variable.assign(value)
    numbers = {"output": y, "gradient by input": gradients[0]}
    numbers |= {f"gradient by {v.path}": g for v, g in zip(model.trainable_variables, gradients[1:], strict=True)}
    numbers |= {f"new {v.path}": a for v, a in zip(all_variables(model), after, strict=True)}
    return {name: None if n is None else np.asarray(tf.cast(n, tf.float64)) for name, n in numbers.items()}


def all_variables(model):
    return [*model.variables, *(v for layer in model.layers if hasattr(layer, "seed_generator") and layer.seed_generator for v in [layer.seed_generator.state])]


def assert_same(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for name, number in expected.items():
        if number is None:
            assert found[name] is None, name
            continue
        # A gradient that is 0 in exact arithmetic, as of a bias before batch normalization, is judged absolutely.
        scale = max(np.abs(number).max(), 1e-2 if tolerance < 1e-3 else 1.0)
        assert found[name].shape == number.shape, name
        assert np.abs(found[name] - number).max() <= tolerance * scale, name


def assert_runs_alike(model, tolerance=FLOAT32, places=None, batch=4, training=(True, False)):
    forward = forward_of(model)
    if places is not None:
        assert len(forward.fused) == places, forward.fused
    x = inputs_of(model, batch)
    for mode in training:
        assert_same(everything(model, forward, x, mode), everything(model, model, x, mode), tolerance)
    return forward
