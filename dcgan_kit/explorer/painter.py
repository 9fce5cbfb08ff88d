"""A generator, compiled once: latent vectors → pixels, as ``sample`` makes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import BATCH, as_pixels, one_hot


class Painter:
    """Makes images of latent vectors with one generator.

    Args:
        recipe: the recipe.
        model: the generator, a Keras model.

    Attributes:
        recipe: the recipe.
    """

    def __init__(self, recipe: ResolvedRecipe, model: Any) -> None:
        self.recipe, self._model = recipe, model
        signature = [tf.TensorSpec((None, recipe.latent_size))]
        if recipe.classes is not None:
            signature.append(tf.TensorSpec((None, recipe.classes)))
        # One trace for all batch sizes, so that no slider waits for a second one.
        self._compiled = tf.function(self.values, input_signature=signature, autograph=False)

    def values(self, *given: Any) -> Any:
        """Return images (N, H, W, C) in the value range of the networks.

        Args:
            given: latent vectors (N, size) and, if the recipe has classes, the one-hot classes (N, classes).
        """
        return self._model(list(given) if len(given) > 1 else given[0], training=False)

    def inputs(self, latent: Any, labels: Any) -> tuple[Any, ...]:
        """Return what the generator takes.

        Args:
            latent: float32 (N, size).
            labels: the class of each image, integers (N,), or of all; ignored if the recipe has no classes.
        """
        if self.recipe.classes is None:
            return (latent,)
        return latent, one_hot(self.recipe, np.broadcast_to(labels, len(latent)))

    def pixels(self, latent: Any, labels: Any = 0) -> Any:
        """Return images, uint8 (N, H, W, C); see ``inputs``."""
        given = self.inputs(np.asarray(latent, np.float32), labels)
        parts = [
            np.asarray(self._compiled(*(each[start : start + BATCH] for each in given)))
            for start in range(0, len(latent), BATCH)
        ]
        return as_pixels(np.concatenate(parts), self.recipe.image.range)


def as_rgba(pixels: Any) -> Any:
    """Grey, grey with alpha, RGB or RGBA, uint8 (N, H, W, 1 to 4) → RGBA, uint8 (N, H, W, 4): what a canvas takes."""
    channels = pixels.shape[-1]
    colour = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=-1)
    alpha = pixels[..., -1:] if channels in (2, 4) else np.full((*pixels.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([colour, alpha], axis=-1)
