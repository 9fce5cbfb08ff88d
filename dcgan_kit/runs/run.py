"""The generator of a run, to draw from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.training_components import build_parts
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.checkpoint import restore_to_look
from dcgan_kit.runs.run_folder import read_run


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
        RunError: the run has no such checkpoint, or it is of other networks.
    """
    run = read_run(path)
    state = TrainingState.create(recipe, build_networks(recipe), build_parts(recipe))
    damaged = restore_to_look(run, state, best)
    generator = state.networks.generator.model if raw else state.sampled
    return OpenedRun(generator, state.steps_done, damaged)
