"""The exported model: latent vectors, and classes, become uint8 images in one graph."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from dcgan_kit.recipes.resolved import ResolvedRecipe

LATENT, LABEL, IMAGE = "latent", "label", "image"
"""Names of the inputs and of the output. An argument of a signature cannot be called ``class``, a word of Python."""


def image_model(generator: Any, recipe: ResolvedRecipe) -> Any:
    """Return a model {latent: float32 (B, size), label: int32 (B,)} → {image: uint8 (B, H, W, C)}.

    It does what ``as_pixels`` of ``dcgan_kit.runs.image_grid`` does with the output of the generator. All that it adds
    is in Keras, so that a file of it loads without dcgan-kit if the generator does.

    Args:
        generator: the Keras model, with one input or two: latent vectors, and one-hot classes.
        recipe: its recipe. The model has the input ``label`` if the generator takes classes.
    """
    latent = keras.Input((recipe.latent_size,), name=LATENT, dtype="float32")
    inputs, fed = {LATENT: latent}, latent
    if len(generator.inputs) > 1:
        inputs[LABEL] = keras.Input((), name=LABEL, dtype="int32")
        fed = [latent, ops.one_hot(inputs[LABEL], recipe.classes)]
    low, high = recipe.image.range
    grey_levels = 255.0 / (high - low)
    scaled = keras.layers.Rescaling(grey_levels, -low * grey_levels, name="grey_levels", dtype="float32")(
        generator(fed, training=False)
    )
    image = ops.cast(ops.clip(ops.round(scaled), 0.0, 255.0), "uint8")
    return keras.Model(inputs, {IMAGE: image}, name="generator")
