"""Whether a run may go on with a recipe that asks for another number of steps than the one it began with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dcgan_kit.errors import RunError, counted
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe
from dcgan_kit.runs.run_folder import STEPS, RunFolder, steps_of

MOST_RATES = 200
"""Steps, evenly chosen, of which rates are compared before a run goes on to another number of steps."""


def require_continuable(run: RunFolder, recipe: ResolvedRecipe, done: int, may_change: Sequence[str]) -> None:
    """Refuse a number of steps that is less than what is done, or that would have given these steps other rates.

    Args:
        run: the run folder.
        recipe: with which it is to go on.
        done: steps that are done.
        may_change: keys in which the recipe may differ from the one that the run began with.

    Raises:
        RunError: the run cannot go on with this recipe.
    """
    if done > recipe.training.steps:
        raise RunError(
            f"{run.path}: {counted(done, 'step')} done, and training.steps asks for {recipe.training.steps}; "
            f"ask for {done} or more, or choose another folder with --run"
        )
    if not any(f"{STEPS}.".startswith(f"{may}.") for may in may_change):
        _require_same_rates(run, recipe, done)


def _require_same_rates(run: RunFolder, recipe: ResolvedRecipe, done: int) -> None:
    """Refuse another number of steps where a schedule would have given steps that are done another rate."""
    training = recipe.training
    before = steps_of(run, recipe)
    if before == training.steps or not done:
        return
    for choice in filter(None, (training.generator.schedule, training.discriminator.schedule)):
        other = _first_other_rate(choice, done, before, training.steps)
        if other is not None:
            step, then, now = other
            raise RunError(
                f"{run.path}: holds {counted(done, 'step')} of {before}, and {dotted(choice.path)} "
                f"follows that number: of {training.steps} steps, step {step + 1} would have had {now:.3g} of the "
                f"first rate, and had {then:.3g}. Choose another folder with --run, or go on all the same with "
                f"--may-change {STEPS}"
            )


def _first_other_rate(choice: Choice, done: int, before: int, now: int) -> tuple[int, float, float] | None:
    """Return the first step that is done and whose factor differs between two numbers of steps, and both factors."""
    schedule = choice.build()
    for step in np.unique(np.linspace(0, done - 1, MOST_RATES).round()).astype(np.float32):
        then, other = (float(schedule(tf.constant(step), count)) for count in (before, now))
        if then != other:
            return int(step), then, other
    return None
