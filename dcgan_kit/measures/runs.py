"""The generator of a run, and its images batch after batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError
from dcgan_kit.measures.features import BATCH
from dcgan_kit.networks.building import build_networks
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.training.checkpoint import restore_best, restore_checkpoint
from dcgan_kit.training.parts import build_parts
from dcgan_kit.training.run_folder import read_run
from dcgan_kit.training.sampling import generated, latent_vectors
from dcgan_kit.training.state import TrainingState

EVALUATION_STEP = -3
"""Stands in for the step in the seed of latent vectors: training draws from 0 on, grids and ``sample`` at -1 and -2."""


@dataclass(frozen=True)
class OpenedRun:
    """A run's generator.

    Attributes:
        generator: the Keras model that samples are drawn from.
        step: steps that it had been trained for.
        notes: a line about each newer checkpoint that is damaged.
    """

    generator: Any
    step: int
    notes: tuple[str, ...]


def open_generator(recipe: ResolvedRecipe, path: Path, best: bool = False, raw: bool = False) -> OpenedRun:
    """Open the newest whole checkpoint of a run, or the best one.

    Args:
        recipe: the run's resolved recipe.
        path: the run folder.
        best: the checkpoint that is kept for good, instead of the newest.
        raw: the generator itself, where the recipe keeps an average of it too.

    Raises:
        RunError: the run has no such checkpoint.
    """
    run = read_run(path)
    state = TrainingState.create(recipe, build_networks(recipe), build_parts(recipe))
    checkpoint, damaged = (restore_best(run, state), []) if best else restore_checkpoint(run, state)
    if checkpoint is None:
        told = "".join(f"\n  {line}" for line in damaged)
        raise RunError(f"{path}: has no checkpoint to evaluate yet{told}")
    generator = state.networks.generator.model if raw else state.sampled
    return OpenedRun(generator, state.steps_done, tuple(damaged))


def generated_pixels(recipe: ResolvedRecipe, generator: Any, count: int) -> Iterator[Any]:
    """Yield uint8 pixels (up to 256, H, W, C) of a generator, from the same latent vectors at every call."""
    latent = latent_vectors(recipe, count, recipe.training.seed, EVALUATION_STEP)
    for start in range(0, count, BATCH):
        yield generated(generator, latent[start : start + BATCH], recipe.value_range)
