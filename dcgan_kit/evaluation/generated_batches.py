"""Batches of generated images for an evaluation, the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dcgan_kit.evaluation.features import BATCH
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import classes_in_turn, generated, latent_vectors

EVALUATION_STEP = -3
"""Replaces the step in the seed of latent vectors. Training uses steps from 0, grids use -1, and ``sample`` uses -2."""


def generated_pixels(recipe: ResolvedRecipe, generator: Any, count: int) -> Iterator[Any]:
    """Yield batches of generated uint8 pixels (up to 256, H, W, C), from the same latent vectors at every call.

    If the recipe has classes, each comes equally often.
    """
    latent = latent_vectors(recipe, count, recipe.training.seed, EVALUATION_STEP)
    classes = classes_in_turn(recipe, count)
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        yield generated(generator, latent[rows], recipe.image.range, None if classes is None else classes[rows])
