"""How means and deviations of channels differ between steps, and between training and inference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from dcgan_kit_plugins.probe.dead_units import activations, each

from dcgan_kit import Finding, ProbeContext, Readings

FLOOR = 1e-5
"""Share of the layer's mean variance that is added to each variance: a constant channel has variance 0."""
SMALLEST = 1e-30

Moments = tuple[Any, Any]


def remember(context: ProbeContext) -> dict[str, Moments]:
    """Return the moments of every activation's input."""
    return {str(place): _moments(each(context.before, place)) for place in activations(context)}


def drift(memory: dict[str, Moments], context: ProbeContext) -> Readings:
    """Return how far these moments have moved."""
    readings = {}
    for role in ("generator", "discriminator"):
        own = []
        for place in activations(context):
            if place.role == role:
                moved = _distance(memory[str(place)], _moments(each(context.before, place)), memory[str(place)][1])
                readings[f"{place}/drift"] = moved
                own.append(moved)
        if own:
            readings[f"{role}/drift"] = float(np.mean(own))
    return readings


def gaps(context: ProbeContext) -> Readings:
    """Return the gaps between training and inference, and between real and generated images."""
    last = context.generator[-1]
    training, inference = context.after(last), context.after(last, "inference")
    spread = float(inference.std(0, dtype=np.float64).mean())
    readings = {"generator/train_inference_gap": _rms(training - inference) / max(spread, SMALLEST)}
    logits = {mode: np.concatenate([context.logits(mode, of) for of in ("generated", "real")])
              for mode in ("training", "inference")}  # fmt: skip
    deviation = float(logits["training"].std(dtype=np.float64))
    difference = _rms(logits["training"] - logits["inference"])
    readings["discriminator/train_inference_gap"] = difference / max(deviation, SMALLEST)
    for place in (*context.generator, *context.discriminator):
        for layer in place.layers:
            if not hasattr(layer, "moving_variance"):
                continue
            running = np.asarray(layer.moving_mean), np.sqrt(np.asarray(layer.moving_variance))
            now = _moments(each(context.before, place))
            readings[f"{place}/running_gap"] = _distance(running, now, now[1])
            if place.role == "discriminator":
                real, fake = (_moments([context.before(place, of=of)]) for of in ("real", "generated"))
                readings[f"{place}/real_generated_gap"] = _distance(real, fake, real[1])
    return readings


def diagnose_gaps(readings: Readings, first: Readings, limit: float) -> Iterator[Finding]:
    """Report a generator whose images differ at inference, but not at step 0: running statistics start at 0 and 1."""
    gap = readings["generator/train_inference_gap"]
    if gap >= limit and readings != first:
        yield Finding(
            disease="batch-norm gap",
            where="generator",
            observation=f"makes other images at inference than in training ({gap:.2f} of their deviation apart)",
            value=gap,
            baseline=first["generator/train_inference_gap"],
            advice="a larger batch, `normalization: {use: batch, momentum: 0.9}`, or a normalization that does not "
            "use the batch (`layer`, `instance`, `group`)",
            page="health.md#batch-norm-gap",
        )


def _moments(arrays: Sequence[Any]) -> Moments:
    """Return mean and deviation of each channel over several arrays of equal size."""
    axes = tuple(range(arrays[0].ndim - 1))
    means = np.stack([values.mean(axes, dtype=np.float64) for values in arrays])
    variances = np.stack([values.var(axes, dtype=np.float64) for values in arrays])
    return means.mean(0), np.sqrt(variances.mean(0) + means.var(0))


def _distance(one: Moments, other: Moments, deviation: Any) -> float:
    squares, variance = np.square(other[0] - one[0]) + np.square(other[1] - one[1]), np.square(deviation)
    return float(np.sqrt(squares / (variance + FLOOR * variance.mean() + SMALLEST)).mean())


def _rms(values: Any) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))
