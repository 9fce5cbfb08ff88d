"""Adam's bias correction, once a step: the same bits as Keras' own update, from fewer operations."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.adversarial.adam_update import correct_bias_once
from dcgan_kit.networks.keras_internals import leave_gradients_alone

SHAPES = ((3, 2), (5,), ())
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(2e-3, beta_1=0.5),
    "adamw": lambda: keras.optimizers.AdamW(2e-3, weight_decay=0.1),
}
LEFT_ALONE = {
    "amsgrad": lambda: keras.optimizers.Adam(amsgrad=True),
    "nadam": keras.optimizers.Nadam,
    "a subclass": type("Own", (keras.optimizers.Adam,), {}),
}


def built(make, dtype="float32"):
    """Return a new optimizer and the weights that it is built for."""
    optimizer = make()
    weights = [keras.Variable(np.full(shape, 0.5), dtype=dtype) for shape in SHAPES]
    optimizer.build(weights)
    return optimizer, weights


def stepped(optimizer, weights, strategy):
    """Take five compiled steps at falling rates; return all variables and the number of operations in the graph."""
    leave_gradients_alone(optimizer)
    random = np.random.default_rng(0)

    @tf.function(autograph=False)
    def step(gradients, rate):
        optimizer.learning_rate = rate
        strategy.run(lambda: optimizer.apply(gradients, weights))

    for number in range(5):
        gradients = [tf.constant(random.normal(size=shape), tf.float32) for shape in SHAPES]
        step(gradients, tf.constant(1e-2 / (1 + number)))
    found = [np.asarray(variable) for variable in (*weights, *optimizer.variables)]
    return found, len(step.get_concrete_function(gradients, tf.constant(0.0)).graph.get_operations())


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_all_bits_are_those_of_keras(name, replicas):
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{n}" for n in range(replicas)])
    with strategy.scope():
        (plain, weights), (ours, others) = built(OPTIMIZERS[name]), built(OPTIMIZERS[name])
        correct_bias_once(ours)
    expected, operations = stepped(plain, weights, strategy)
    found, fewer = stepped(ours, others, strategy)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert fewer < operations - 10 * (len(SHAPES) - 1)


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_other_optimizers_stay_as_they_are(name):
    optimizer, _ = built(LEFT_ALONE[name])
    before = dict(vars(optimizer))
    correct_bias_once(optimizer)
    assert vars(optimizer) == before


def test_weights_of_another_type_keep_the_update_of_keras():
    optimizer, _ = built(OPTIMIZERS["adam"], "float64")
    before = dict(vars(optimizer))
    correct_bias_once(optimizer)
    assert vars(optimizer) == before
