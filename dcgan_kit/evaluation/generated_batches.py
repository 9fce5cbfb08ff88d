"""Images of a generator that are judged: batch after batch, the same at every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dcgan_kit.evaluation.features import BATCH
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import generated, latent_vectors

EVALUATION_STEP = -3
"""Stands in for the step in the seed of latent vectors: training draws from 0 on, grids and ``sample`` at -1 and -2."""


def generated_pixels(recipe: ResolvedRecipe, generator: Any, count: int) -> Iterator[Any]:
    """Yield uint8 pixels (up to 256, H, W, C) of a generator, from the same latent vectors at every call."""
    latent = latent_vectors(recipe, count, recipe.training.seed, EVALUATION_STEP)
    for start in range(0, count, BATCH):
        yield generated(generator, latent[start : start + BATCH], recipe.image.range)
