"""A component by itself: its layers, built as in a network and applied to numbers of an example."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.site import Site
from dcgan_kit.errors import UserError
from dcgan_kit.networks.part_builder import as_layers, times
from dcgan_kit.networks.side_inputs import LABEL, LATENT, with_sides
from dcgan_kit.networks.trace import takes_training
from dcgan_kit.recipes.resolved import Choice

CLASSES = 3
LATENT_SIZE = 4
SPREAD = 0.02
"""Standard deviation of first weights, as in most DCGANs."""
_IN_DISCRIMINATOR = ("downsample", "head", "regularizer")


class LoneComponent:
    """The layers of one component, outside of a network.

    Args:
        choice: the component with its options; of a kind that makes layers.
        shape: the shape of its input without the batch dimension.
        filters: the number of channels that it is asked for.
        bias: whether its layers learn a bias.

    Raises:
        UserError: the component cannot be built for this input, or returns no layers.
    """

    def __init__(self, choice: Choice, shape: Shape, filters: int = 1, *, bias: bool = False) -> None:
        self.choice = choice
        self.shape = shape
        in_generator = choice.component.kind not in _IN_DISCRIMINATOR
        site = Site(
            role="generator" if in_generator else "discriminator",
            block="stage1",
            slot=choice.component.kind,
            input_shape=shape,
            filters=filters,
            bias=bias,
            initializer=lambda seed: keras.initializers.RandomNormal(stddev=SPREAD, seed=seed),
            classes=CLASSES,
            latent_size=LATENT_SIZE if in_generator else None,
        )
        layers = as_layers(choice.build(site))
        if layers is None:
            raise UserError(f"{choice.component}: must return {KINDS[choice.component.kind].returns}")
        self.layers = layers
        try:
            self.output_shape: Shape = self(np.zeros((1, *shape), "float32")).shape[1:]
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"{choice.component}: cannot take an input of {times(shape)}: {reason}") from error

    def __call__(self, values: Any, training: bool = False) -> Any:
        """Apply the layers.  (B, ...) → (B, ...), NumPy arrays of float32."""
        return self.applied(tf.constant(np.asarray(values, "float32")), training).numpy()

    def applied(self, tensor: Any, training: bool = False) -> Any:
        """Apply the layers to a tensor. Image i of the batch has class i, modulo 3."""
        rows = np.arange(tensor.shape[0])
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
