"""Which layers a constraint is put on: those with kernels, inside models of layers too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import layers

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
        if _is_plain_model(layer):
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
    for layer in (inner for outer in made for inner in outer._flatten_layers()):
        of_others = {id(weight) for inner in layer._layers for weight in inner.trainable_weights}
        own = [weight for weight in layer.trainable_weights if id(weight) not in of_others]
        if id(layer) not in held and any(sum(side > 1 for side in weight.shape) > 1 for weight in own):
            yield f"{layer.name} ({type(layer).__name__})"


def _is_plain_model(layer: Any) -> bool:
    """Whether a layer is a model of Keras' own two kinds, which is its layers and how they are connected."""
    # Keras exports no name for the second.
    return isinstance(layer, keras.Model) and type(layer).__name__ in ("Sequential", "Functional")
