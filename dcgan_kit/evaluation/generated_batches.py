"""Batches of generated images for an evaluation, the same at every call."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.data.drawn_classes import drawn_classes
from dcgan_kit.data.resized_pixels import resized_pixels
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
        size: the size that images are resized to; None: that of the recipe.

    Attributes:
        classes: the class of each image, integers (count,); None if the recipe has no condition.
    """

    def __init__(
        self, recipe: ResolvedRecipe, generator: Any, count: int, training: Images, size: ImageSpec | None = None
    ) -> None:
        seed = recipe.training.seed
        self._size = ImageSpec(*recipe.image.shape) if size is None else size
        self._recipe, self._generator = recipe, generator
        self._latent = latent_vectors(recipe, count, seed, EVALUATION_STEP)
        self.classes = None if recipe.classes is None else drawn_classes(training.labels, count, seed)

    def batches(self) -> Iterator[Any]:
        """Yield batches of uint8 pixels (up to 256, H, W, C)."""
        classes = None if self.classes is None else one_hot(self._recipe, self.classes)
        for start in range(0, len(self._latent), BATCH):
            rows = slice(start, start + BATCH)
            labels = None if classes is None else classes[rows]
            pixels = generated(self._generator, self._latent[rows], self._recipe.image.range, labels)
            yield resized_pixels(pixels, self._size)

    def kept(self, report: Callable[[int, int], None]) -> Any:
        """Return all images, uint8 (count, H, W, C), in a temporary file that nobody else sees.

        The images of one class are taken from these: a normalization of G may use the statistics of the batch at hand,
        so an image can depend on its batch.

        Args:
            report: receives the progress: (images made, all images).
        """
        count, done = len(self._latent), 0
        with tempfile.TemporaryFile() as file:
            pixels = np.memmap(file, np.uint8, "w+", shape=(count, *self._size.shape))
        for batch in self.batches():
            pixels[done : done + len(batch)] = batch
            done += len(batch)
            report(done, count)
        return pixels


def generated_pixels(recipe: ResolvedRecipe, generator: Any, count: int, training: Images) -> Iterator[Any]:
    """Yield all batches of ``GeneratedSamples``."""
    return GeneratedSamples(recipe, generator, count, training).batches()
