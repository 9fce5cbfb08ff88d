"""Apply a constraint to the layers that have kernels, also inside nested models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import layers

from dcgan_kit.networks.keras_internals import is_plain_model, layers_within, sublayers

CONVOLUTIONS = (layers.Conv2D, layers.Conv2DTranspose, layers.DepthwiseConv2D, layers.SeparableConv2D)
CONSTRAINED = (*CONVOLUTIONS, layers.Dense, layers.Embedding)
"""Types of layers that a constraint is applied to."""


def constrained(made: Sequence[Any], wrap: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """Apply a constraint to layers.

    Args:
        made: the layers that a component made.
        wrap: the constraint: a layer with kernels → the layer to use instead.

    Returns:
        The layers to use, and the layers that ``wrap`` returned.
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
    """Yield the names of layers that have a kernel but no constraint.

    A kernel is a trainable weight with at least two dimensions larger than 1.

    Args:
        made: built layers.
        reached: layers that a constraint received or made.
    """
    held = {id(layer) for layer in reached}
    for layer in layers_within(*made):
        if id(layer) not in held and has_kernel(layer):
            yield described(layer)


def has_kernel(layer: Any) -> bool:
    """Return whether a built layer has a kernel of its own, and not only its sublayers; see ``unconstrained``."""
    of_others = {id(weight) for inner in sublayers(layer) for weight in inner.trainable_weights}
    own = [weight for weight in layer.trainable_weights if id(weight) not in of_others]
    return any(sum(side > 1 for side in weight.shape) > 1 for weight in own)


def described(layer: Any) -> str:
    """Return the name and the class of a layer, as messages name it."""
    return f"{layer.name} ({type(layer).__name__})"
