"""How good a checkpoint is: its score, or the mean loss since the checkpoint before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dcgan_kit.recipes.key_conflicts import LOSS_METRICS
from dcgan_kit.recipes.resolved import TrainingPlan
from dcgan_kit.runs.best_checkpoint import Judgement, best_so_far
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.training.intervals import Intervals
from dcgan_kit.training.observer import Observation
from dcgan_kit.training.patience import Patience


class CheckpointJudge:
    """Judges checkpoints by ``training.best.metric``.

    Args:
        training: the recipe's training plan.
        losses: (sum of the loss, number of steps) since the last judged checkpoint, a variable of the state.
        intervals: knows when checkpoints are due.

    Attributes:
        patience: counts the evaluations since the best one.
    """

    def __init__(self, training: TrainingPlan, losses: Any, intervals: Intervals) -> None:
        self._training, self._losses, self._intervals = training, losses, intervals
        self.patience = Patience(training)
        self._scored: Judgement | None = None
        self._latest: Judgement | None = None

    def add_score(self, step: int, observation: Observation) -> None:
        """Store the score of this step, if the observer measured one."""
        if observation.best is not None:
            self._scored = self._judgement(observation.best, observation.measured)
            self.patience.add(step, self._scored)

    def add_losses(self, metrics: Mapping[str, float], steps: int) -> None:
        """Add the mean losses of some steps."""
        if self._training.best.metric in LOSS_METRICS:
            self._losses.assign_add((metrics[self._training.best.metric] * steps, steps))

    def judge(self, step: int, at_end: bool) -> Judgement | None:
        """Judge a checkpoint, and start a new sum of losses; return None if the checkpoint is not judged.

        Args:
            step: number of steps done so far.
            at_end: whether a callback or a finding, not a signal, ends training here.
        """
        scored, self._scored = self._scored, None
        total, count = map(float, np.asarray(self._losses))
        due = self._intervals.checkpoint(step) or self._intervals.last(step) or at_end
        # A signal can cause a checkpoint at any step. The resumed run continues the sum, so it is not reset here.
        if not count or not due:
            return scored
        self._losses.assign((0.0, 0.0))
        return self._judgement(total / count)

    def keep(self, judgement: Judgement | None) -> None:
        """Store the judgement of the newest checkpoint."""
        self._latest = judgement

    def best_line(self, run: RunFolder, step: int) -> str:
        """Return a line about the best checkpoint of a run that ends at ``step``; empty if the run keeps none."""
        best = best_so_far(run)
        if best is None:
            return ""
        latest = None if best.entry.step == step else self._latest
        last = "" if latest is None else f"; {latest.value:.3g} at the last step, {step}"
        file = run.checkpoints / best.entry.file
        return f"best {best.metric}: {best.value:.3g} at step {best.entry.step}{last} (kept: {file})"

    def _judgement(self, value: float, measured: str = "") -> Judgement:
        training = self._training
        return Judgement(training.best.metric or "", value, training.best.mode == "highest", measured)
