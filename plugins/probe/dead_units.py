"""Units that do nothing, or do the same for every image: dead, dormant, always on, saturated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dcgan_kit import Finding, LayerSlot, ProbeContext, Readings

OF = ("generated", "real")
BATCHES = 10
"""A channel is dead if it has no positive input and no gradient in this many batches."""


def activations(context: ProbeContext) -> Iterator[LayerSlot]:
    """Yield every activation of both networks."""
    yield from (place for place in (*context.generator, *context.discriminator) if place.kind == "activation")


def each(method: Any, place: LayerSlot) -> list[Any]:
    """Return ``method(place)`` for generated images; for a place in D, also for as many real images."""
    return [method(place)] if place.role == "generator" else [method(place, of=of) for of in OF]


def units(context: ProbeContext, dormant_below: float) -> Readings:
    """Return the shares of channels that are dead, dormant and always on."""
    hidden = [place for place in activations(context) if place is not context.generator[-1]]
    dead = _dead(context, hidden)
    readings = {}
    for place in hidden:
        axes = tuple(range(len(place.input_shape)))
        always = np.all([(inputs > 0).all(axes) for inputs in each(context.before, place)], 0)
        size = np.mean([np.abs(outputs).mean(axes, dtype=np.float64) for outputs in each(context.after, place)], 0)
        readings[f"{place}/dead"] = float(dead[place].mean())
        readings[f"{place}/dormant"] = float((size <= dormant_below * size.mean()).mean())
        readings[f"{place}/always_on"] = float(always.mean())
    return readings


def _dead(context: ProbeContext, places: Sequence[LayerSlot]) -> dict[LayerSlot, Any]:
    """Return which channels of some activations are dead: no positive input and no gradient in ten batches."""
    dead = {place: np.ones(place.input_shape[-1], bool) for place in places}
    for number in range(BATCHES):
        # Only activations that may have dead channels need more batches. Activations are large: one batch at a time.
        suspect = [place for place in places if dead[place].any()]
        if not suspect:
            break
        batch = context.on_batch(number) if number else context
        for place in suspect:
            axes = tuple(range(len(place.input_shape)))
            for inputs, gradient in zip(each(batch.before, place), each(batch.gradient, place), strict=True):
                dead[place] &= ~((inputs > 0).any(axes) | gradient.any(axes))
    return dead


def saturation(context: ProbeContext) -> Readings:
    """Return the shares of saturated units, and how much of the gradient passes."""
    readings = {}
    for place in activations(context):
        readings[f"{place}/pass_through"] = _mean(each(context.slope, place))
        limits = context.limits(place)
        if limits is None:
            continue
        readings[f"{place}/saturated"] = share = _outside(each(context.after, place), limits)
        if place is context.generator[-1]:
            readings["data/saturated"] = own = _outside([context.real], limits)
            readings["generator/saturated_beyond_data"] = share - own
    return readings


def _outside(arrays: Sequence[Any], limits: tuple[float, float]) -> float:
    low, high = limits
    return _mean([(values <= low) | (values >= high) for values in arrays])


def _mean(arrays: Sequence[Any]) -> float:
    return float(np.mean([values.mean(dtype=np.float64) for values in arrays]))


def diagnose_units(readings: Readings, first: Readings, dead: float, dormant: float) -> Iterator[Finding]:
    """Report the activations with too many dead or dormant channels."""
    for reading, limit, advice in (
        ("dead", dead, "`activation: leaky_relu`, whose gradient is never 0; a lower learning rate; normalization"),
        ("dormant", dormant, "a lower learning rate, fewer filters, or normalization before the activation"),
    ):
        for key, value in of_name(readings, reading):
            if value >= limit:
                yield Finding(
                    disease=f"{reading} channels",
                    where=key,
                    observation=f"{100 * value:.0f} % {reading} channels",
                    value=value,
                    baseline=first.get(f"{key}/{reading}", 0.0),
                    advice=advice,
                    page=f"health.md#{reading}-channels",
                )


def diagnose_saturation(readings: Readings, first: Readings, output: float, hidden: float) -> Iterator[Finding]:
    """Report the activations with too many saturated units."""
    beyond = readings.get("generator/saturated_beyond_data", 0.0)
    if beyond >= output:
        own = readings["data/saturated"]
        yield Finding(
            disease="output saturated",
            where="generator",
            observation=f"{100 * (own + beyond):.0f} % of the pixels saturate, and {100 * own:.0f} % of the data's",
            value=own + beyond,
            baseline=own,
            advice="a lower learning rate of the generator, or a smaller deviation of its first weights",
            page="health.md#output-saturated",
        )
    of_data = {key.rpartition("/")[0] for key in readings if key.startswith("generator.output.")}
    for key, value in of_name(readings, "saturated"):
        if value >= hidden and key not in of_data and key != "data":
            yield Finding(
                disease="saturated units",
                where=key,
                observation=f"{100 * value:.0f} % of the units saturate",
                value=value,
                baseline=first.get(f"{key}/saturated", 0.0),
                advice="`relu` or `leaky_relu` in hidden layers, or normalization before the activation",
                page="health.md#saturated-units",
            )


def of_name(readings: Readings, reading: str) -> Sequence[tuple[str, float]]:
    """Return (place, value) of each reading with this name."""
    found = ((key.rpartition("/"), value) for key, value in readings.items())
    return [(place, value) for (place, _, name), value in found if name == reading]
