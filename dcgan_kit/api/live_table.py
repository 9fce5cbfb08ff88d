"""The table that a study shows on a terminal while its runs are trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dcgan_kit.terminal.progress import TableWatcher

if TYPE_CHECKING:
    from dcgan_kit.studies.plan import Plan
    from dcgan_kit.terminal.progress import Watcher

MOST_VARIANTS = 12
MOST_NUMBERS = 3


class LiveTable:
    """What the variants of a study have reached: how many runs are finished, running and failed, and means so far.

    It decides nothing: a study trains all of its runs, whatever the means are.

    Args:
        plan: the plan of the study.
        watcher: shows the table, if it can.
    """

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self._plan, self._running = plan, set[str]()
        self._watcher = watcher if isinstance(watcher, TableWatcher) else None
        if self._watcher is not None:
            self._readings = {run.identity: plan.readings(run) for run in plan.runs}
            self._failed = {run.identity for run in plan.runs if plan.failure(run)}
            self._show()

    def begun(self, identity: str) -> None:
        """Receive that a run is trained."""
        if self._watcher is not None and identity not in self._running:
            self._running.add(identity)
            self._show()

    def ended(self, identity: str) -> None:
        """Receive that the process of a run ended."""
        if self._watcher is None:
            return
        self._running.discard(identity)
        run = next(run for run in self._plan.runs if run.identity == identity)
        self._readings[identity] = self._plan.readings(run)
        if self._plan.failure(run):
            self._failed.add(identity)
        self._show()

    def _show(self) -> None:
        assert self._watcher is not None
        numbers = self._plan.numbers[:MOST_NUMBERS]
        rows = [self._row(index, numbers) for index in range(min(len(self._plan.variants), MOST_VARIANTS))]
        more = len(self._plan.variants) - len(rows)
        if more:
            rows.append([f"{more} more", *[""] * (3 + len(numbers))])
        self._watcher.table(("variant", "finished", "running", "failed", *numbers), rows)

    def _row(self, variant: int, numbers: tuple[str, ...]) -> list[str]:
        runs = [run.identity for run in self._plan.runs if run.variant == variant]
        found = [readings for identity in runs if (readings := self._readings[identity]) is not None]
        means = [math.fsum(one.numbers[name].value for one in found) / len(found) for name in numbers if found]
        return [
            self._plan.variants[variant].title,
            f"{len(found)} of {len(runs)}",
            str(sum(identity in self._running for identity in runs)),
            str(sum(identity in self._failed for identity in runs)),
            *([f"{mean:.4g}" for mean in means] if found else ["-"] * len(numbers)),
        ]
