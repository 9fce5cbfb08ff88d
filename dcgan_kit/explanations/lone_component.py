"""A component by itself: its layers, built as in a network and applied to numbers of an example."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.training_components import require_returned
from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.site import Site
from dcgan_kit.errors import ComponentError
from dcgan_kit.networks.part_builder import as_layers, times
from dcgan_kit.networks.side_inputs import LABEL, LATENT, with_sides
from dcgan_kit.networks.trace import takes_training
from dcgan_kit.recipes.resolved import Choice

CLASSES = 3
LATENT_SIZE = 16
SPREAD = 0.02
"""Standard deviation of first weights, as in most DCGANs."""
_IN_DISCRIMINATOR = ("downsample", "head", "regularizer")


def site_of(kind: str, shape: Shape, filters: int) -> Site:
    """Return a place in a network for a component by itself, without biases."""
    in_generator = kind not in _IN_DISCRIMINATOR
    return Site(
        role="generator" if in_generator else "discriminator",
        block="stage1",
        slot=kind,
        input_shape=shape,
        filters=filters,
        bias=False,
        initializer=lambda seed: keras.initializers.RandomNormal(stddev=SPREAD, seed=seed),
        classes=CLASSES,
        latent_size=LATENT_SIZE if in_generator else None,
    )


class LoneComponent:
    """The layers of one component, outside of a network.

    Args:
        choice: the component with its options; of a kind that makes layers.
        shape: the shape of its input without the batch dimension.
        filters: the number of channels that it is asked for.

    Attributes:
        alike: whether all images of a batch have the same class and latent vector; else image i has class i, modulo 3.

    Raises:
        ComponentError: the component cannot be built for this input, or breaks the contract of its kind.
    """

    def __init__(self, choice: Choice, shape: Shape, filters: int = 1) -> None:
        self.choice = choice
        self.shape = shape
        self.kind = choice.component.kind
        site = site_of(self.kind, shape, filters)
        made = choice.build(site)
        layers = as_layers(made)
        require_returned(layers is not None, choice, made)
        self.layers = layers or []
        self.alike = False
        found = self.applied(tf.zeros((1, *shape)))
        if not isinstance(found, tf.Tensor):
            raise ComponentError(f"{choice.component}: its layers must return one tensor, and returned {found!r:.100}")
        self.output_shape: Shape = tuple(found.shape[1:])
        rule = KINDS[self.kind].shape_rule
        problem = rule(shape, self.output_shape, CLASSES if self.kind == "head" else filters) if rule else None
        if problem:
            raise ComponentError(f"{choice.component} {problem}, and returned {times(self.output_shape)}")

    def __call__(self, values: Any, training: bool = False) -> Any:
        """Apply the layers.  (B, ...) → (B, ...), NumPy arrays of float32."""
        return self.applied(tf.constant(np.asarray(values, "float32")), training).numpy()

    def applied(self, tensor: Any, training: bool = False) -> Any:
        """Apply the layers to a tensor.

        Raises:
            ComponentError: a layer raised; the message says what.
        """
        with guarded(self.choice.component, f"an input of {times(tensor.shape[1:])}", refusing=ComponentError):
            return self._applied(tensor, training)

    def _applied(self, tensor: Any, training: bool) -> Any:
        rows = np.zeros(tensor.shape[0], int) if self.alike else np.arange(tensor.shape[0])
        sides = {
            LABEL: tf.one_hot(rows % CLASSES, CLASSES),
            LATENT: tf.constant(np.sin(rows[:, None] + np.arange(LATENT_SIZE)[None]), tf.float32),
        }
        for layer in self.layers:
            given = with_sides(layer, tensor, sides)
            tensor = layer(given, training=training) if takes_training(layer) else layer(given)
        return tensor

    @property
    def weights(self) -> list[Any]:
        """The trainable weights, as Keras variables."""
        return [weight for layer in self.layers for weight in layer.trainable_weights]

    @property
    def statistics(self) -> list[Any]:
        """The weights that no gradient moves, such as running averages, as Keras variables."""
        return [weight for layer in self.layers for weight in layer.non_trainable_weights if weight.dtype == "float32"]
