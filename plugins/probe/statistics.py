"""How means and deviations of channels differ between steps, and between training and inference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from dcgan_kit_plugins.probe.dead_units import activations, each, of_name

from dcgan_kit import Finding, ProbeContext, Readings

FLOOR = 1e-5
"""Share of the layer's mean variance that is added to each variance: a constant channel has variance 0."""
SMALLEST = 1e-30
VISIBLE = 1 / 255
"""Share of the range of pixels that uint8 can show."""

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
    # Images that are all alike have no deviation to compare with.
    visible = VISIBLE * (context.value_range[1] - context.value_range[0])
    readings = {"generator/train_inference_gap": _rms(training - inference) / max(spread, visible)}
    logits = {mode: np.concatenate([context.logits(mode, of) for of in ("generated", "real")])
              for mode in ("training", "inference")}  # fmt: skip
    deviation = float(logits["training"].std(dtype=np.float64))
    difference = _rms(logits["training"] - logits["inference"])
    readings["discriminator/train_inference_gap"] = difference / max(deviation, SMALLEST)
    for place in (*context.generator, *context.discriminator):
        if place.kind == "regularizer" and place.input_shape == place.output_shape:
            readings[f"{place}/noise"] = _noise(each(context.before, place), each(context.after, place))
        for layer in place.layers:
            if not hasattr(layer, "moving_variance"):
                continue
            running = np.asarray(layer.moving_mean), np.sqrt(np.asarray(layer.moving_variance))
            now = _moments(each(context.before, place))
            readings[f"{place}/running_gap"] = _distance(running, now, now[1])
            # Where each half of D's input varies by epsilon or more, batch norm leaves a deviation from 0.7 to 1.
            halves = [_moments([values])[1] for values in each(context.before, place)]
            varied = (np.square(halves) >= layer.epsilon).all(0)
            if len(place.layers) == 1 and varied.any():
                made = _moments(each(context.after, place))[1] / (
                    np.abs(np.asarray(layer.gamma)) if layer.scale else 1.0
                )
                readings[f"{place}/normalized"] = float(np.median(made[varied]))
            if place.role == "discriminator":
                real, fake = (_moments([context.before(place, of=of)]) for of in ("real", "generated"))
                readings[f"{place}/real_generated_gap"] = _distance(real, fake, real[1])
    return readings


def diagnose_gaps(
    readings: Readings, first: Readings, limit: float, unnormalized: float, noise: float
) -> Iterator[Finding]:
    """Report a generator whose images differ at inference, batch norm that does not normalize, and noise.

    It reports no gap at step 0, because running statistics start at 0 and 1.
    """
    for key, value in of_name(readings, "normalized"):
        if not 1.0 / unnormalized < value < unnormalized:
            yield Finding(
                disease="batch norm not in effect",
                where=key,
                observation=f"features behind batch norm deviate by {value:.2g} times its scale, and should by 1",
                value=value,
                baseline=1.0,
                advice="batch norm in training mode: `training=False` or `trainable = False` makes it use running "
                "statistics",
                page="health.md#batch-norm-not-in-effect",
            )
    for key, value in of_name(readings, "noise"):
        if value >= noise:
            yield Finding(
                disease="noise drowns features",
                where=key,
                observation=f"its noise is {value:.1f} times as large as the features",
                value=value,
                baseline=0.0,
                advice="a smaller rate or deviation of the noise",
                page="health.md#noise-drowns-features",
            )
    gap = readings["generator/train_inference_gap"]
    if gap >= limit and readings is not first:
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


def _noise(before: Sequence[Any], after: Sequence[Any]) -> float:
    """Return the root mean square of what a layer adds / that of its input."""
    added = _rms(np.stack(after) - np.stack(before))
    return added / max(_rms(np.stack(before)), SMALLEST)


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
