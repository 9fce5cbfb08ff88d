"""Batches of generated images for an evaluation, the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.drawn_classes import drawn_classes
from dcgan_kit.evaluation.features import BATCH
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import generated, latent_vectors, one_hot

EVALUATION_STEP = -3
"""Replaces the step in the seed of latent vectors. Training uses steps from 0, grids use -1, and ``sample`` uses -2."""


class GeneratedSamples:
    """Generated images, the same for the same generator, number and recipe. They are made anew at each call.

    Args:
        recipe: the recipe of the generator.
        generator: the Keras model.
        count: number of images, at least 1.
        training: the training images. If the recipe has classes, samples show each as often as these images do.

    Attributes:
        classes: the class of each image, integers (count,); None if the recipe has no condition.
    """

    def __init__(self, recipe: ResolvedRecipe, generator: Any, count: int, training: Images) -> None:
        seed = recipe.training.seed
        self._recipe, self._generator = recipe, generator
        self._latent = latent_vectors(recipe, count, seed, EVALUATION_STEP)
        self.classes = None if recipe.classes is None else drawn_classes(training.labels, count, seed)

    def batches(self, of_class: int | None = None) -> Iterator[Any]:
        """Yield batches of uint8 pixels (up to 256, H, W, C): all images, or those of one class."""
        latent, numbers = self._latent, self.classes
        if numbers is not None and of_class is not None:
            chosen = np.flatnonzero(numbers == of_class)
            latent, numbers = np.asarray(latent)[chosen], numbers[chosen]
        classes = None if numbers is None else one_hot(self._recipe, numbers)
        for start in range(0, len(latent), BATCH):
            rows = slice(start, start + BATCH)
            told = None if classes is None else classes[rows]
            yield generated(self._generator, latent[rows], self._recipe.image.range, told)


def generated_pixels(recipe: ResolvedRecipe, generator: Any, count: int, training: Images) -> Iterator[Any]:
    """Yield all batches of ``GeneratedSamples``."""
    return GeneratedSamples(recipe, generator, count, training).batches()
