"""Worked examples of what changes weights: optimizers and constraints."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.training_components import require_returned
from dcgan_kit.explanations.explanation import Curves, Example, Grid, numbers, rows_of, shown
from dcgan_kit.explanations.lone_component import site_of
from dcgan_kit.networks.reparametrization import updated_after
from dcgan_kit.recipes.resolved import Choice

STEPS = 200
UPDATES = 50
_STEEP = 25.0
_LOST = 1e6
_AWAY = 50.0
"""Where an optimizer starts, in learning rates: as far as many get in 50 steps."""


def optimizer_example(choice: Choice) -> Example:
    """Show how an optimizer goes down a valley that is 25 times as steep across as along."""
    optimizer = choice.build()
    require_returned(isinstance(optimizer, keras.optimizers.Optimizer), choice, optimizer)
    rate = float(np.array(optimizer.learning_rate))
    start = _AWAY * rate
    weight = keras.Variable(np.array([start, start], "float32"))
    optimizer.build([weight])
    steepness = tf.constant([_STEEP, 1.0])
    places = [np.array(weight)]
    for _ in range(STEPS):
        optimizer.apply([steepness * weight.value])
        places.append(np.array(weight))
    path = np.stack(places).astype("float64")
    height = 0.5 * (path**2 * [_STEEP, 1.0]).sum(1)
    steps = tuple(float(step) for step in range(STEPS + 1))
    panels = (
        Curves(
            "where the weight is",
            "step",
            steps,
            {"across the valley": numbers(path[:, 0]), "along it": numbers(path[:, 1])},
        ),
        Curves("height", "step", steps, {"height": numbers(height)}),
        Grid(
            "step, across, along, height", rows_of(np.stack([np.arange(0, STEPS + 1, 25), *path[::25].T, height[::25]]))
        ),
    )
    start_place = f"From ({start:.4g}, {start:.4g}), {_AWAY:g} learning rates away from the lowest place (0, 0), "
    lost = np.flatnonzero(~np.isfinite(height) | (height > _LOST * height[0]))
    if lost.size:
        went = f"it diverges: at step {lost[0]} it is a million times as high, or no longer a number."
    else:
        went = f"it gets to ({path[-1, 0]:.2g}, {path[-1, 1]:.2g}) in {STEPS} steps."
    sentences = (f"The learning rate is {rate:g}. {start_place}{went}",)
    return Example(panels, (), sentences, {"path": path[::25].tolist(), "learning rate": rate})


def constraint_example(choice: Choice) -> Example:
    """Show how much a dense layer stretches its input without and with a constraint, direction by direction."""
    wrap = choice.build(site_of("constraint", (1, 1, 8), 8))
    require_returned(wrap is None or callable(wrap), choice, wrap)

    def layer() -> Any:
        return keras.layers.Dense(
            8, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(seed=0), name="dense"
        )

    before = _stretch(layer())
    after = before if wrap is None else _stretch(wrap(layer()))
    places = tuple(float(place) for place in range(1, 9))
    panels = (
        Curves("how much a dense layer stretches", "direction, from the most to the least stretched", places,
               {"without": numbers(before), "with it": numbers(after)}),
        Grid("singular values: without, with", rows_of(np.stack([before, after]))),
    )  # fmt: skip
    sentences = (
        f"The largest factor is {shown(before[0])} without and {shown(after[0])} with it, the smallest "
        f"{shown(before[-1])} and {shown(after[-1])}.",
    )
    return Example(panels, (), sentences, {"without": before.tolist(), "with": after.tolist()})


def _stretch(layer: Any) -> Any:
    """Return the singular values of the linear map that a dense layer computes, after some updates in training.

    Kernels do not change in these updates, but a constraint can have estimates that get better.
    """
    identity = tf.eye(8)
    layer(identity)
    for _ in range(UPDATES):
        for each in updated_after(keras.Sequential([layer])):
            each.after_update()
    offset = np.asarray(layer(tf.zeros((1, 8))))
    return np.linalg.svd(np.asarray(layer(identity)) - offset, compute_uv=False).astype("float64")
