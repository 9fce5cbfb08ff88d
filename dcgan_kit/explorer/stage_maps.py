"""What the stages of the networks return for one picture: some of their maps, and how many units have no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.components.kinds import Shape
from dcgan_kit.networks.network import Network, Part, applied
from dcgan_kit.networks.side_inputs import LABEL, LATENT
from dcgan_kit.runs.image_grid import png_of

MAPS = 16
"""Most maps of a stage to show: its first ones, so that the same channel stays in the same place."""
COLUMNS = 8
FLAT = 0.01
"""A slope below this share of the steepest one counts as almost none; probes and worked examples use the same share."""
_NEAR = 0.01
_SIDE = 48
"""Pixels that each map is enlarged to, about."""


@dataclass(frozen=True)
class ActivationHealth:
    """How an activation treats one picture.

    Attributes:
        name: its component.
        flat: the share of its units with almost no gradient; None: what it gets, or a gradient, is NaN or infinite.
        silent: number of channels in which all units have almost no gradient.
        channels: number of its channels.
    """

    name: str
    flat: float | None
    silent: int
    channels: int


@dataclass(frozen=True)
class StageMaps:
    """What one stage returns for one picture.

    Attributes:
        name: the stage.
        shape: shape of what it returns.
        range: its smallest value, which is black, and its largest, which is white; None: a value is NaN or infinite.
        maps: a PNG of its first maps, side by side; None if it returns no maps, or has no range.
        shown: number of maps in the PNG.
        activations: its activations.
    """

    name: str
    shape: Shape
    range: tuple[float, float] | None
    maps: bytes | None
    shown: int
    activations: tuple[ActivationHealth, ...]


def stage_maps(network: Network, given: Sequence[Any]) -> tuple[StageMaps, ...]:
    """Run a network on one picture, in inference mode, and return what each of its stages returns.

    Args:
        network: the network.
        given: its input, with a batch of one: latent vectors or images, then the classes if it takes them.
    """
    tensors = [tf.convert_to_tensor(each, tf.float32) for each in given]
    sides = dict(zip((tensor.name for tensor in network.model.inputs), tensors, strict=True))
    values = network.outputs(tensors, _call)
    found = []
    for name, group in groupby(zip(network.parts, values[1:], strict=True), lambda pair: pair[0].block):
        members = list(group)
        health = [_health(part, values[part.inputs[0] + 1], sides) for part, _ in members if part.kind == "activation"]
        found.append(_stage(name, np.asarray(members[-1][1], np.float32)[0], tuple(health)))
    return tuple(found)


def image_inputs(discriminator: Network, images: Any, classes: Sequence[Any]) -> list[Any]:
    """Return what a discriminator takes: images in its value range and, if it takes them, the one-hot classes."""
    return [images, *classes][: len(discriminator.model.inputs)]


def _call(layer: Any, value: Any) -> Any:
    return layer(value, training=False)


def _stage(name: str, output: Any, activations: tuple[ActivationHealth, ...]) -> StageMaps:
    finite = (float(output.min()), float(output.max())) if np.isfinite(output).all() else None
    maps, shown = None, 0
    if finite and output.ndim == 3 and output.shape[0] * output.shape[1] > 1:
        shown = min(MAPS, output.shape[-1])
        maps = _sheet(output[..., :shown], *finite)
    return StageMaps(name, tuple(output.shape), finite, maps, shown, activations)


def _sheet(maps: Any, least: float, most: float) -> bytes:
    """Return maps (H, W, N) as one PNG: grey from the smallest to the largest value, on transparent ground."""
    height, width, count = maps.shape
    grey = np.rint((maps - least) / ((most - least) or 1.0) * 255).astype(np.uint8)
    factor = max(1, round(_SIDE / max(height, width)))
    gap = 3
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    tall, wide = height * factor, width * factor
    sheet = np.zeros((rows * (tall + gap) - gap, columns * (wide + gap) - gap, 2), np.uint8)
    for number in range(count):
        top, left = number // columns * (tall + gap), number % columns * (wide + gap)
        large = grey[..., number].repeat(factor, axis=0).repeat(factor, axis=1)
        sheet[top : top + tall, left : left + wide, 0] = large
        sheet[top : top + tall, left : left + wide, 1] = 255
    return png_of(sheet, enlarged=False)


def _health(part: Part, before: Any, sides: dict[str, Any]) -> ActivationHealth:
    slope = _slope(part, before, sides)
    # relu has the gradient 0 at NaN.
    if not (np.isfinite(before).all() and np.isfinite(slope).all()):
        return ActivationHealth(part.component, None, 0, slope.shape[-1])
    # Near 0, an activation is as steep as anywhere; so one that saturates everywhere is not its own scale.
    steepest = max(float(np.abs(slope).max()), float(np.abs(_slope(part, before * _NEAR, sides)).max()))
    flat = np.abs(slope) < FLAT * steepest if steepest else np.ones_like(slope, bool)
    by_channel = flat.reshape(-1, flat.shape[-1]).all(axis=0)
    return ActivationHealth(part.component, float(flat.mean()), int(by_channel.sum()), flat.shape[-1])


def _slope(part: Part, before: Any, sides: dict[str, Any]) -> Any:
    before = tf.convert_to_tensor(before)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(before)
        after = applied(part.layers, [before], _call, {LATENT: None, LABEL: None, **sides})
    return np.asarray(tape.gradient(after, before, unconnected_gradients="zero"), np.float32)
