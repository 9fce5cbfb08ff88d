"""Which layers a constraint is put on: those with kernels, inside models of layers too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import layers

from dcgan_kit.networks.keras_internals import is_plain_model, layers_within, sublayers

CONSTRAINED = (layers.Conv2D, layers.Conv2DTranspose, layers.Dense, layers.DepthwiseConv2D, layers.SeparableConv2D)
"""Layers that a constraint is given."""


def constrained(made: Sequence[Any], wrap: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """Put a constraint on layers.

    Args:
        made: layers, as a component made them.
        wrap: the constraint: a layer with kernels → the layer to use in its place.

    Returns:
        The layers to use, and what ``wrap`` returned.
    """
    wrapped: list[Any] = []

    def held(layer: Any) -> Any:
        if isinstance(layer, CONSTRAINED):
            wrapped.append(wrap(layer))
            return wrapped[-1]
        if is_plain_model(layer):
            return keras.models.clone_model(layer, clone_function=held)
        return layer

    return [held(layer) for layer in made], wrapped


def unconstrained(made: Sequence[Any], reached: Sequence[Any]) -> Iterator[str]:
    """Name the layers that have kernels, weights with two sides or more, and that no constraint was put on.

    Args:
        made: built layers.
        reached: layers that a constraint was given or has made.
    """
    held = {id(layer) for layer in reached}
    for layer in layers_within(*made):
        of_others = {id(weight) for inner in sublayers(layer) for weight in inner.trainable_weights}
        own = [weight for weight in layer.trainable_weights if id(weight) not in of_others]
        if id(layer) not in held and any(sum(side > 1 for side in weight.shape) > 1 for weight in own):
            yield f"{layer.name} ({type(layer).__name__})"
