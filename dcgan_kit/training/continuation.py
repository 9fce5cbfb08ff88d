"""Checks whether a run may continue with a recipe that has another number of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dcgan_kit.errors import RunError, counted
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe
from dcgan_kit.runs.recipe_differences import STEPS, steps_of
from dcgan_kit.runs.run_folder import RunFolder

MAX_RATES = 200
"""Number of evenly spaced steps whose learning rates are compared before a run continues."""


def require_continuable(run: RunFolder, recipe: ResolvedRecipe, done: int, may_change: Sequence[str]) -> None:
    """Raise if the recipe has fewer steps than are done, or if it would have given these other learning rates.

    Args:
        run: the run folder.
        recipe: the recipe to continue with.
        done: number of steps done so far.
        may_change: recipe keys that may differ from the recipe that the run began with.

    Raises:
        RunError: the run cannot continue with this recipe.
    """
    if done > recipe.training.steps:
        raise RunError(
            f"{run.path}: its last checkpoint has {counted(done, 'step')}, and training.steps is "
            f"{recipe.training.steps}; set it to {done} or more, or choose another folder with --run"
        )
    if not any(f"{STEPS}.".startswith(f"{may}.") for may in may_change):
        _require_same_rates(run, recipe, done)


def _require_same_rates(run: RunFolder, recipe: ResolvedRecipe, done: int) -> None:
    """Raise if a schedule would have given another learning rate to steps that are done."""
    training = recipe.training
    before = steps_of(run, recipe)
    if before == training.steps or not done:
        return
    for choice in filter(None, (training.generator.schedule, training.discriminator.schedule)):
        other = _first_other_rate(choice, done, before, training.steps)
        if other is not None:
            step, then, now = other
            raise RunError(
                f"{run.path}: holds {done} of {counted(before, 'step')}, and {dotted(choice.path)} depends on the "
                f"number of steps: with {training.steps} steps, step {step + 1} would have had {now:.3g} of the first "
                f"learning rate, but it had {then:.3g}. Choose another folder with --run, or continue nevertheless "
                f"with --may-change {STEPS}"
            )


def _first_other_rate(choice: Choice, done: int, before: int, now: int) -> tuple[int, float, float] | None:
    """Return the first compared step whose factor differs between two numbers of steps, and both factors."""
    schedule = choice.build()
    for step in np.unique(np.linspace(0, done - 1, MAX_RATES).round()).astype(np.float32):
        then, other = (float(schedule(tf.constant(step), count)) for count in (before, now))
        if then != other:
            return int(step), then, other
    return None
