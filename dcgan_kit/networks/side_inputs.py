"""Side inputs: what a layer takes besides the features, such as the class of the image.

A layer names its side inputs in an attribute ``side_inputs``; a functional Keras model names them by its inputs after
the first. It is called with a list: the features, then each side input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from dcgan_kit.networks.keras_internals import is_plain_model

LABEL = "label"
"""The class of each image, one-hot, float32 (B, classes). Both networks have it if the recipe has a condition."""
LATENT = "latent"
"""The latent vectors, float32 (B, size). Only the generator has them."""


def side_inputs(layer: Any) -> tuple[str, ...]:
    """Return the names of the side inputs that a layer takes, in order."""
    # A sequential model takes one input, and does not know it before it is built.
    if is_plain_model(layer) and not isinstance(layer, keras.Sequential):
        return tuple(tensor.name for tensor in layer.inputs[1:])
    return tuple(getattr(layer, "side_inputs", ()))


def with_sides(layer: Any, value: Any, sides: Mapping[str, Any]) -> Any:
    """Return the input of a layer: ``value``, or a list of it and the side inputs that the layer takes.

    Raises:
        KeyError: the layer takes a side input that is not there.
    """
    names = side_inputs(layer)
    return [value, *(sides[name] for name in names)] if names else value


def inputs_of(model: Any, x: Any, label: Any) -> Any:
    """Return the input of a network: ``x``, or a list of it and the classes if the network takes them.

    Args:
        model: the Keras model of the network.
        x: latent vectors or images (B, ...).
        label: one-hot classes (B, classes), or None.
    """
    # Keras takes no list of tensors and arrays.
    return [keras.ops.convert_to_tensor(each) for each in (x, label)] if len(model.inputs) > 1 else x
