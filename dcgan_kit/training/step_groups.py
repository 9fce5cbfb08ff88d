"""Groups of compiled steps; between groups, training handles signals and updates the progress bar."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.step_metrics import added, means, nothing
from dcgan_kit.errors import RunError
from dcgan_kit.training.early_end import EarlyEnd
from dcgan_kit.training.nonfinite import NotFinite
from dcgan_kit.training.prepared_run import PreparedRun

GROUP_SECONDS = 0.5
"""Target duration of a group of steps."""
MAX_STEPS = 1000
"""Most steps in a group."""


@dataclass(frozen=True)
class Stretch:
    """The steps until something is due.

    Attributes:
        step: number of steps done so far.
        metrics: means since the latest line of metrics, by name; empty if no line must be written.
        images_per_second: training speed in these steps.
    """

    step: int
    metrics: dict[str, float]
    images_per_second: float = 0.0


class StepGroups:
    """Runs steps in groups. The clock decides the size of a group, which changes no result.

    Args:
        prepared: the prepared run.
        early_end: decides before each group whether training ends.
    """

    def __init__(self, prepared: PreparedRun, early_end: EarlyEnd) -> None:
        self._prepared, self._early_end, self._state = prepared, early_end, prepared.session.state
        self._size, self._seconds = 1, 0.0

    def take(self, step: int, due: int) -> Stretch:
        """Run steps until ``due``, or until the workers agree to end training.

        After a signal, the result has no metrics, so that no line is written before it is due. So a resumed run writes
        the same lines as a run that never stopped.

        Raises:
            NotFinite: a metric is not finite.
            RunError: there is not enough memory.
        """
        first, totals, started = step, np.asarray(self._state.unlogged), time.perf_counter()
        while step < due and not self._ends():
            found = self._group(step, min(self._size, due - step))
            totals = added(totals, found)
            step += len(found)
            self._prepared.watcher.progress(step, means(added(nothing(), found)))
        self._state.unlogged.assign(totals)
        if self._early_end.agreed == "signal" or step == int(np.asarray(self._state.logged)):
            return Stretch(step, {})
        images = (step - first) * self._prepared.training.batch_size
        return Stretch(step, means(totals), images / (time.perf_counter() - started))

    def _ends(self) -> bool:
        # All workers must run the same number of steps, and stop at the same step.
        seconds = self._early_end.agree(self._seconds)
        if seconds > 0 and not self._early_end.agreed:
            self._size = max(1, min(MAX_STEPS, round(GROUP_SECONDS / seconds)))
        return bool(self._early_end.agreed)

    def _group(self, step: int, count: int) -> Any:
        """Run some steps, and time them; return sums and counts of each, float32 (steps, 2, metrics)."""
        started = time.perf_counter()
        found = self._reported(step, count)
        self._seconds = (time.perf_counter() - started) / count
        return found

    def _reported(self, step: int, count: int) -> Any:
        place = self._prepared.run.path
        found = taken(self._prepared, step, count, str(place), ", in a new run folder")
        wrong = [name for name, value in means(added(nothing(), found)).items() if not np.isfinite(value)]
        if wrong:
            raise NotFinite(step, count, wrong)
        return found


def taken(prepared: PreparedRun, step: int, count: int, place: str, remedy: str = "") -> Any:
    """Take some steps; return sums and counts of each, float32 (steps, 2, metrics).

    Args:
        prepared: the prepared run.
        step: number of steps done.
        count: number of steps to take.
        place: the start of a message: what is trained.
        remedy: the end of a message, after what needs less memory.

    Raises:
        RunError: there is not enough memory.
    """
    pixels, labels = prepared.session.batches(prepared.images, step, count)
    try:
        # A tensor, because TensorFlow never frees the Python numbers that it receives.
        return prepared.steps(pixels, labels, tf.constant(np.int64(step))).numpy()
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise RunError(
            f"{place}: out of memory in step {step + 1}: lower training.batch_size, or raise training.accumulate"
            f"{remedy}"
        ) from error
