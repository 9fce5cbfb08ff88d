"""What XLA cannot compile, or computes wrongly: the one list of it, by Keras layer.

A recipe whose networks have such a layer trains without XLA. A component with code that no rule here sees declares it:
``@component(kind, without_xla="the reason")``. ``check_component`` finds both, since it compares every component's
values and gradients under XLA with those without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import Any

import keras

_POOLS = keras.layers.MaxPooling1D | keras.layers.MaxPooling2D | keras.layers.MaxPooling3D
_RESIZES = keras.layers.UpSampling2D | keras.layers.Resizing


def xla_faults(layers: Sequence[Any]) -> list[str]:
    """Return one reason, with the names of its layers, for each rule that some of the layers break; empty: none.

    Args:
        layers: Keras layers, with those inside them.
    """
    found: dict[str, list[str]] = {}
    for layer in layers:
        for rule in _RULES:
            reason = rule(layer)
            if reason:
                found.setdefault(reason, []).append(layer.name)
    return [f"{reason} ({', '.join(names)})" for reason, names in found.items()]


def _max_pooling(layer: Any) -> str | None:
    # Resuming bit for bit needs deterministic operations; in that mode XLA refuses this gradient on every device.
    return "XLA has no repeatable gradient of max pooling" if isinstance(layer, _POOLS) else None


def _unknown_resize(layer: Any) -> str | None:
    """TensorFlow 2.21 has XLA kernels of ResizeBilinear and ResizeNearestNeighbor, and of no other resize."""
    if not isinstance(layer, _RESIZES) or layer.interpolation == "nearest":
        return None
    if getattr(layer, "antialias", False):
        return "XLA has no antialiased resizing"
    return None if layer.interpolation == "bilinear" else f"XLA has no {layer.interpolation} resizing"


def _wrong_bilinear(layer: Any) -> str | None:
    """With TensorFlow 2.21, XLA gives other pixels where new centres fall onto old ones.

    Centres are at (i + 1/2) / new · old - 1/2. Some are whole numbers if and only if old and new, divided by their
    greatest common divisor, are both odd. Then rounding decides which two old pixels XLA takes, and their weights are
    those of two others. That concerns every odd factor. See github.com/tensorflow/tensorflow/issues/118344.
    """
    if not isinstance(layer, _RESIZES) or layer.interpolation != "bilinear" or getattr(layer, "antialias", False):
        return None
    if isinstance(layer, keras.layers.UpSampling2D):
        meets = any(factor % 2 == 1 and factor > 1 for factor in layer.size)
    else:
        meets = _resizing_meets(layer)
    return "XLA computes bilinear resizing by an odd ratio wrongly" if meets else None


def _resizing_meets(layer: Any) -> bool:
    try:
        old = layer.input.shape[1:3]
    except AttributeError:
        # It is inside another layer, so the size of its input is not known here.
        return True
    return any(centres_meet(*sides) for sides in zip(old, (layer.height, layer.width), strict=True))


def centres_meet(old: int, new: int) -> bool:
    """Whether the centre of a new pixel is that of an old one, if ``old`` pixels are resized to ``new`` others."""
    shared = gcd(old, new)
    return old != new and (old // shared) % 2 == 1 and (new // shared) % 2 == 1


_RULES: tuple[Callable[[Any], str | None], ...] = (_max_pooling, _unknown_resize, _wrong_bilinear)
