"""Layers that a converter cannot translate, and equal ones that it can."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from dcgan_kit.networks.keras_internals import is_plain_model, layers_within

Replacement = Callable[[Any], Any]
"""A layer → an equal layer to use instead of it, or None to keep it."""


class NearestUpsampling(layers.Layer):  # type: ignore[misc]
    """Repeats rows and columns by one operation.

    ``UpSampling2D`` repeats them by ``tf.repeat``, after which LiteRT's converter does not know the shape of the map.

    Args:
        size: factors of height and width.
    """

    def __init__(self, size: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, inputs: Any) -> Any:
        """(B, H, W, C) → (B, factor H, factor W, C)."""
        sides = [side * factor for side, factor in zip(inputs.shape[1:3], self.size, strict=True)]
        return ops.image.resize(inputs, sides, interpolation="nearest", data_format="channels_last")


def for_litert(layer: Any) -> Any:
    """Replace nearest upsampling; see ``NearestUpsampling``."""
    if isinstance(layer, layers.UpSampling2D) and layer.interpolation == "nearest":
        return NearestUpsampling(layer.size, name=layer.name, dtype=layer.dtype_policy)
    return None


def for_onnx(layer: Any) -> Any:
    """Replace gelu: TensorFlow computes it by ``Erfc``, which tf2onnx 1.17 does not know."""
    if isinstance(layer, layers.Activation) and layer.activation is keras.activations.gelu:
        return layers.Activation(_gelu, name=layer.name, dtype=layer.dtype_policy)
    return None


def _gelu(x: Any) -> Any:
    return 0.5 * x * (1.0 + ops.erf(x / math.sqrt(2.0)))


def replaced(model: Any, replacement: Replacement) -> Any:
    """Return a model in which layers are replaced, at any depth of functional models; the others are shared.

    Args:
        model: a functional or sequential model.
        replacement: what to replace.
    """
    if all(replacement(layer) is None for layer in layers_within(model)):
        return model

    def swapped(layer: Any) -> Any:
        new = replacement(layer)
        if new is not None:
            return new
        return replaced(layer, replacement) if is_plain_model(layer) else layer

    return keras.models.clone_model(model, clone_function=swapped)


REPLACEMENTS: dict[str, Replacement] = {"litert": for_litert, "onnx": for_onnx}
"""What to replace for a format, by its name."""
