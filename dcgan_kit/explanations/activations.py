"""Worked examples of activations: the curve and its slope, where it is flat, and what it does between linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from scipy.stats import norm

from dcgan_kit.errors import UserError
from dcgan_kit.explanations.explanation import Curves, Example, Grid, numbers, rows_of, shown
from dcgan_kit.explanations.given_numbers import numbers_of
from dcgan_kit.explanations.lone_component import LoneComponent
from dcgan_kit.recipes.resolved import Choice

REACH = 8.0
"""The curve is drawn from -8 to 8: far enough for sigmoid to become flat."""
FLAT = 0.01
"""A slope below this share of the steepest one counts as almost none; probes use the same share."""
_POINTS = 1601
_TURN = 0.2
_TABLE = (-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4)


def activation_example(choice: Choice, given: Any = None) -> Example:
    """Show an activation as a curve, its slope, and that it is not linear.

    Args:
        choice: the component with its options.
        given: numbers to apply it to; None: some between -4 and 4.

    Raises:
        UserError: the argument is not numbers, or the component cannot be built.
    """
    component = LoneComponent(choice, (1,))
    values = np.array(_TABLE, "float64") if given is None else numbers_of("input", given)
    x = np.linspace(-REACH, REACH, _POINTS)
    y, slope = _with_slope(component, x)
    if not np.isfinite([y, slope]).all():
        raise UserError(
            f"{choice.component}: gives numbers that are not finite for inputs between {-REACH:g} and {REACH:g}"
        )
    steepest = float(np.abs(slope).max())
    intervals = _intervals(x, np.abs(slope) < FLAT * steepest) if steepest else ((-REACH, REACH),)
    share = sum(norm.cdf(high if high < REACH else np.inf) - norm.cdf(low if low > -REACH else -np.inf)
                for low, high in intervals)  # fmt: skip
    curve = Curves("curve and slope", "input", numbers(x), {"output": numbers(y), "slope": numbers(slope)}, intervals,
                   "almost no gradient")  # fmt: skip
    outputs, slopes = _with_slope(component, values)
    table = Grid("input, output, slope", rows_of(np.stack([values, outputs, slopes])))
    bend = _bend(component)
    flat = _flat_sentence(intervals, float(share)) if steepest else "It has no gradient anywhere."
    sentences = [flat, _linear_sentence(bend)]
    facts = {
        "input": values.tolist(), "output": outputs.tolist(), "slope": slopes.tolist(),
        "flat intervals": [list(interval) for interval in intervals],
        "share of N(0, 1) with almost no gradient": float(share),
        "share that the best linear map leaves": bend,
    }  # fmt: skip
    return Example((curve, table), (), tuple(sentences), facts)


def _with_slope(component: LoneComponent, x: Any) -> tuple[Any, Any]:
    inputs = tf.constant(np.asarray(x, "float32")[:, None])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = component.applied(inputs)
    slope = tape.gradient(outputs, inputs)
    slope = np.zeros(len(x)) if slope is None else np.asarray(slope)[:, 0]
    return outputs.numpy()[:, 0].astype("float64"), slope.astype("float64")


def _intervals(x: Any, flat: Any) -> tuple[tuple[float, float], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    pairs = zip(edges[::2], edges[1::2] - 1, strict=True)
    found = ((float(x[first]), float(x[last])) for first, last in pairs)
    # Where a curve turns, its slope passes 0; such a place is short.
    return tuple((low, high) for low, high in found if high - low > _TURN)


def _bend(component: LoneComponent) -> float:
    """Return which share of the variance behind two linear layers (2 → 8 → 2) the best linear map leaves."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(400, 2))
    hidden = inputs @ random.normal(size=(2, 8))
    activated = component(hidden.reshape(-1, 1)).reshape(hidden.shape)
    outputs = activated @ random.normal(size=(8, 2))
    known = np.concatenate([inputs, np.ones((len(inputs), 1))], 1)
    rest = outputs - known @ np.linalg.lstsq(known, outputs, rcond=None)[0]
    return float(rest.var(0).sum() / max(outputs.var(0).sum(), 1e-12))


def _flat_sentence(intervals: tuple[tuple[float, float], ...], share: float) -> str:
    if not intervals:
        return f"It is flat nowhere between {-REACH:g} and {REACH:g}: every input gets a gradient."
    where = " and ".join(
        f"below {shown(high)}" if low <= -REACH else f"above {shown(low)}" if high >= REACH
        else f"between {shown(low)} and {shown(high)}"
        for low, high in intervals
    )  # fmt: skip
    return f"It is flat {where}: {100 * share:.2g} % of inputs from N(0, 1) get almost no gradient."


def _linear_sentence(bend: float) -> str:
    if bend < 1e-6:
        return "Between two linear layers it changes nothing: the three are one linear map."
    return (
        "Between two linear layers it bends: the best linear map of the input leaves "
        f"{100 * bend:.2g} % of the variance of their output unexplained. Without it, this would be 0."
    )
