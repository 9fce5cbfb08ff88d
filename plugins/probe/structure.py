"""What the shape of a network decides: parameters of layers, linearity, how often pixels are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_kit import LayerSlot, ProbeContext, Readings

PUSH = 1e3
"""Added to a pixel to see which outputs depend on it; large, so that it also wins in a maximum."""


def parameters(context: ProbeContext) -> Readings:
    """Return the number of trainable parameters of each place."""
    return {
        f"{place}/parameters": float(
            sum(int(np.prod(weight.shape)) for layer in place.layers for weight in layer.trainable_weights)
        )
        for place in (*context.generator, *context.discriminator)
    }


def nonlinearity(context: ProbeContext) -> Readings:
    """Return how far each network is from an affine map, in inference mode."""
    readings = {}
    inputs = {"generator": np.asarray(context.latent), "discriminator": np.asarray(context.real)}
    for role, places in (("generator", context.generator), ("discriminator", context.discriminator)):
        if not _is_chain(places) or len(inputs[role]) < 2:
            continue
        one, other = inputs[role], inputs[role][::-1]
        at_one, at_other, between = (_through(context, places, x) for x in (one, other, (one + other) / 2))
        size = _rms(at_one - at_other) / 2
        if size > 0:
            readings[f"{role}/nonlinearity"] = _rms(between - (at_one + at_other) / 2) / size
    return readings


def _is_chain(places: Sequence[LayerSlot]) -> bool:
    """Return whether each place takes the output of the place before it, and nothing else."""
    return all(place.inputs == (index - 1,) for index, place in enumerate(places))


def _through(context: ProbeContext, places: Sequence[LayerSlot], values: Any) -> Any:
    for place in places:
        values = context.apply(place, values)
    return np.asarray(values, np.float64)


def _rms(values: Any) -> float:
    return float(np.sqrt(np.square(values).mean()))


def corner_use(context: ProbeContext) -> Readings:
    """Return how often a layer uses the pixel in the corner, relative to one in the middle."""
    readings = {}
    for place in (*context.generator, *context.discriminator):
        windows = [one for one in context.operations(place) if getattr(one, "learned", False)]
        if place.kind not in ("convolution", "downsample") or len(windows) != 1 or windows[0].transposed:
            continue
        height, width, channels = place.input_shape
        middle = [
            (height // 2 + down, width // 2 + across)
            for down in range(windows[0].stride[0])
            for across in range(windows[0].stride[1])
        ]
        pixels = [(0, 0), *(pixel for pixel in middle if pixel[0] < height and pixel[1] < width)]
        images = np.random.default_rng(0).standard_normal((1, height, width, channels)).astype(np.float32)
        images = np.repeat(images, 1 + len(pixels), 0)
        for index, (row, column) in enumerate(pixels, start=1):
            images[index, row, column] += PUSH
        results = np.asarray(context.apply(place, images))
        used = (results[1:] != results[:1]).any(-1).sum((1, 2))
        if used[1:].max() > 0:
            readings[f"{place}/corner_use"] = float(used[0] / used[1:].max())
    return readings
