"""How large gradients are from layer to layer, and how they change along a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from dcgan_kit import Finding, ProbeContext, Readings

Role = Literal["generator", "discriminator"]
ROLES: tuple[Role, Role] = ("generator", "discriminator")
SMALLEST = 1e-30
"""Replaces a gradient of 0, whose logarithm would be infinite."""
STEPS = (0.5, 1.0, 2.0, 4.0)
"""Distances along the gradient, in optimizer steps: Santurkar et al. 2018, arXiv 1805.11604, section 3.1."""


def gradients(context: ProbeContext) -> Readings:
    """Return the size of each layer's kernel gradients, their slope over depth, and the size of D's image gradient."""
    readings = {}
    for role in ROLES:
        sizes, depths, reached = [], [], [0]
        for place in getattr(context, role):
            kernels = [g.ravel() for g in context.weight_gradients(place).values() if g.ndim > 1]
            # The number of parts with kernels on the longest way to this part: a shortcut makes no network deeper.
            reached.append(max(reached[index + 1] for index in place.inputs) + bool(kernels))
            if kernels:
                sizes.append(_rms(np.concatenate(kernels)))
                depths.append(reached[-1])
                readings[f"{place}/gradient"] = sizes[-1]
        if len(set(depths)) > 1:
            # Depth is counted from the loss backwards, so vanishing gradients have a negative slope.
            depth = max(depths) - np.array(depths)
            readings[f"{role}/decades_per_layer"] = float(
                np.polyfit(depth, np.log10(np.maximum(sizes, SMALLEST)), 1)[0]
            )
    back = context.image_gradient()
    readings["image_gradient/size"] = _rms(back) * len(back)
    return readings


def diagnose_gradients(readings: Readings, first: Readings, decades: float, fall: float) -> Iterator[Finding]:
    """Report the networks in which gradients vanish or explode."""
    for role in ROLES:
        slope = readings.get(f"{role}/decades_per_layer", 0.0)
        if abs(slope) >= decades:
            change = "vanishing" if slope < 0 else "exploding"
            yield Finding(
                disease=f"{change} gradients",
                where=role,
                observation=f"gradients {'shrink' if slope < 0 else 'grow'} {10 ** abs(slope):.0f} times a layer",
                value=slope,
                baseline=first.get(f"{role}/decades_per_layer", 0.0),
                advice="normalization, `leaky_relu` in hidden layers, other first weights (`initializer: he_normal`)",
                page="health.md#vanishing-and-exploding-gradients",
            )
    now, before = readings["image_gradient/size"], first.get("image_gradient/size", 0.0)
    if now * 10**fall <= before:
        yield Finding(
            disease="vanishing gradients",
            where="image_gradient",
            observation=f"the discriminator sends {now:.1e} back, and sent {before:.1e} at step 0",
            value=now,
            baseline=before,
            advice="the loss `non_saturating`; a slower or regularized discriminator (`penalty: r1`)",
            page="health.md#vanishing-and-exploding-gradients",
        )


def gradient_change(context: ProbeContext) -> Readings:
    """Return how much each layer's gradient changes when the layers before it take a step."""
    readings = {}
    for role in ROLES:
        start = list(context.weights(role))
        _, before = context.loss_at(role, start)
        moved = _moved(start, before, context.learning_rate(role))
        done = 0
        for place in getattr(context, role):
            count = len(context.weight_gradients(place))
            own = slice(done, done + count)
            done += count
            if count and done > count and _norm(before[own]) > 0:
                _, after = context.loss_at(role, [*moved[: own.start], *start[own.start :]])
                change = _norm([a - b for a, b in zip(after[own], before[own], strict=True)])
                readings[f"{place}/gradient_change"] = change / _norm(before[own])
    return readings


def smoothness(context: ProbeContext) -> Readings:
    """Return how loss and gradient change along the gradient."""
    readings = {}
    for role in ROLES:
        start = list(context.weights(role))
        loss, gradient = context.loss_at(role, start)
        losses, changes, slopes = [loss], [0.0], [0.0]
        for step in STEPS:
            moved = _moved(start, gradient, step * context.learning_rate(role))
            value, other = context.loss_at(role, moved)
            losses.append(value)
            changes.append(_norm([a - b for a, b in zip(other, gradient, strict=True)]))
            slopes.append(changes[-1] / max(_norm([a - b for a, b in zip(moved, start, strict=True)]), SMALLEST))
        readings[f"{role}/loss_range"] = max(losses) - min(losses)
        readings[f"{role}/gradient_unpredictability"] = max(changes) / max(_norm(gradient), SMALLEST)
        readings[f"{role}/effective_smoothness"] = max(slopes)
    return readings


def _moved(weights: list[Any], gradients: Any, length: float) -> list[Any]:
    """Return weights after a step against the gradient.

    The step has the root mean square ``length`` in each tensor, about as large as a step of Adam.
    """
    return [
        (w - length * g / max(_rms(g), SMALLEST)).astype(np.float32) for w, g in zip(weights, gradients, strict=True)
    ]


def _rms(values: Any) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))


def _norm(tensors: Any) -> float:
    return float(np.sqrt(sum(np.square(t, dtype=np.float64).sum() for t in tensors)))
