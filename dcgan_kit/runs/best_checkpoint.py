"""Which checkpoint is the best so far, and whether another one is better."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.runs.manifest import Best, manifest_of
from dcgan_kit.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Judgement:
    """How good a checkpoint is.

    Attributes:
        metric: name of the score or loss that judges it.
        value: value of the metric.
        highest: whether a higher value is better.
        measured: full name of the score, which says how it was measured; empty for a loss.
    """

    metric: str
    value: float
    highest: bool
    measured: str = ""

    def beats(self, best: Best | Judgement | None) -> bool:
        """Return whether this is better; values that were measured in another way are not comparable, so True."""
        if best is None or (best.metric, best.measured) != (self.metric, self.measured):
            return True
        return self.value > best.value if self.highest else self.value < best.value


def best_so_far(run: RunFolder) -> Best | None:
    """Return the best checkpoint; None if the run keeps none."""
    manifest = manifest_of(run)
    return None if manifest is None else manifest.best
