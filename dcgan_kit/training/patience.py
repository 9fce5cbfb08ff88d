"""Patience: training ends when the score that judges checkpoints has not improved for some evaluations."""

from __future__ import annotations

from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.recipes.resolved import TrainingPlan
from dcgan_kit.runs.best_checkpoint import Judgement


class Patience:
    """Counts the evaluations since the best one, as ``training.best.patience`` asks.

    It depends only on the scores, in their order. So a run that was stopped counts as one that was not.

    Args:
        training: the recipe's training plan.
    """

    def __init__(self, training: TrainingPlan) -> None:
        self._most, self._every = training.best.patience, training.evaluation.every
        self._best: Judgement | None = None
        self._step, self._waited = 0, 0

    def add(self, step: int, judgement: Judgement) -> None:
        """Count the score of one evaluation."""
        # The last step is evaluated whatever its number. A run with more steps would not have this evaluation.
        if step % self._every:
            return
        if judgement.beats(self._best):
            self._best, self._step, self._waited = judgement, step, 0
        else:
            self._waited += 1

    @property
    def exhausted(self) -> str:
        """Why training should end; empty if it should continue."""
        if self._most is None or self._best is None or self._waited < self._most:
            return ""
        best, waited = self._best, counted(self._waited, "evaluation")
        number = f"{best.metric} has not improved on {best.value:.4g} at step {self._step} for {waited}"
        return f"{number}; training.best.patience: {self._most}"

    def memory(self) -> Any:
        """Return what later counts depend on; None if the recipe sets no patience."""
        if self._most is None or self._best is None:
            return None
        best = self._best
        return {
            "best": [best.metric, best.value, best.highest, best.measured],
            "step": self._step,
            "waited": self._waited,
        }

    def recall(self, memory: Any, same_recipe: bool) -> None:
        """Restore what ``memory`` returned.

        Args:
            memory: the memory; None if there was none.
            same_recipe: whether the recipe is the one that was trained. If patience ended a run and its recipe has
                changed, the user wants to continue: the count begins anew.
        """
        self._best, self._step, self._waited = None, 0, 0
        if memory is None:
            return
        metric, value, highest, measured = memory["best"]
        self._best = Judgement(str(metric), float(value), bool(highest), str(measured))
        self._step, self._waited = int(memory["step"]), int(memory["waited"])
        if self.exhausted and not same_recipe:
            self._waited = 0
