"""When something is due. This depends only on the recipe and the step, so all workers pause at the same steps."""

from __future__ import annotations

from collections.abc import Sequence

from dcgan_kit.recipes.key_conflicts import LOSS_METRICS
from dcgan_kit.recipes.resolved import TrainingPlan
from dcgan_kit.training.observer import Observer


class Intervals:
    """The steps at which training leaves the compiled function.

    Args:
        training: the recipe's training plan, with the intervals.
        observers: they read the run at steps of their own.
    """

    def __init__(self, training: TrainingPlan, observers: Sequence[Observer]) -> None:
        self._training, self._observers = training, observers
        self._best_by_score = training.best.metric not in (None, *LOSS_METRICS)

    def next_after(self, step: int) -> int:
        """Return the first step after ``step`` at which anything is due, at most the last step."""
        training = self._training
        due = min(
            (step // every + 1) * every
            for every in (training.log_every, training.sample_every, training.checkpoint_every)
        )
        due = min(due, training.steps)
        return next((s for s in range(step + 1, due) if any(o.due(s) for o in self._observers)), due)

    def samples(self, step: int) -> bool:
        """Return whether samples are due."""
        return step % self._training.sample_every == 0 or self.last(step)

    def checkpoint(self, step: int) -> bool:
        """Return whether a checkpoint is due; the checkpoint after the last step is not counted here."""
        # A checkpoint that is kept for its score must be of the step that was scored.
        evaluated = self._best_by_score and step % self._training.evaluation.every == 0
        return evaluated or step % self._training.checkpoint_every == 0

    def last(self, step: int) -> bool:
        """Return whether all steps are done."""
        return step == self._training.steps
