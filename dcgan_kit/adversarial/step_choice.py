"""How a step computes: its precision, and whether XLA compiles it. This is what ``auto`` chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from dcgan_kit.recipes.resolved import Precision, TrainingPlan

MIN_GAIN = 1.05
"""Lowest speed-up with which ``auto`` leaves what it would do without a measurement. Medians of five rounds differ by
less than that when a step is timed against itself."""
MOST_SHARE = 0.2
"""Largest share of the time of all steps that a comparison may cost. A faster step saves half of it, seldom more."""
FROM_RECIPE = "as the recipe says"
FROM_RUN = "as in this run so far"


@dataclass(frozen=True)
class Variant:
    """One way to compute the same step.

    Attributes:
        precision: of matrix products and convolutions.
        xla: whether XLA compiles the step.
    """

    precision: Precision
    xla: bool = False

    def __str__(self) -> str:
        return f"{self.precision} with XLA" if self.xla else self.precision


@dataclass(frozen=True)
class ChoiceSoFar:
    """What a run, or the record of a crash, says about its steps; None where it does not say it.

    Attributes:
        precision: the precision so far.
        xla: whether XLA has compiled the step so far.
    """

    precision: Precision | None = None
    xla: bool | None = None


@dataclass(frozen=True)
class StepChoice:
    """The variant that trains, and why.

    Attributes:
        variant: how the step computes.
        reason: the reason for it.
        milliseconds: median milliseconds of a step of each variant that was timed.
        device: name of the device that was timed; empty if nothing was timed.
    """

    variant: Variant
    reason: str
    milliseconds: Mapping[Variant, float] = field(default_factory=dict)
    device: str = ""

    @property
    def precision(self) -> Precision:
        """The precision of the step."""
        return self.variant.precision

    @property
    def xla(self) -> bool:
        """Whether XLA compiles the step."""
        return self.variant.xla

    def __str__(self) -> str:
        return f"{self.variant} ({self.reason})"

    def as_data(self) -> dict[str, Any]:
        """Return what a run folder keeps: ``precision`` and ``xla`` now, and how they were chosen."""
        how: dict[str, Any] = {"reason": self.reason}
        if self.milliseconds:
            how["device"] = self.device
            how["milliseconds"] = {str(variant): round(value, 3) for variant, value in self.milliseconds.items()}
        return {"precision": self.precision, "xla": self.xla, "choice": how}


def first_choice(training: TrainingPlan, kind: str, so_far: ChoiceSoFar | None, allows_xla: bool) -> StepChoice:
    """Return the choice without a measurement.

    Args:
        training: the recipe's training plan.
        kind: ``CPU``, ``GPU`` or ``TPU``.
        so_far: what the run says that goes on; None for a new one.
        allows_xla: whether XLA can compile this step on these devices.
    """
    precision: Precision
    if training.precision != "auto":
        precision = training.precision
    elif so_far is not None and so_far.precision is not None:
        precision = so_far.precision
    else:
        precision = "mixed_bfloat16" if kind == "TPU" else "float32"
    xla = training.xla == "on"
    if training.xla == "auto" and so_far is not None:
        # Runs of versions that did not measure have no entry: they used XLA on a GPU.
        xla = allows_xla and (kind == "GPU" if so_far.xla is None else so_far.xla)
    return StepChoice(Variant(precision, xla), _first_reason(training, kind, so_far))


def _first_reason(training: TrainingPlan, kind: str, so_far: ChoiceSoFar | None) -> str:
    if so_far is not None and (training.precision == "auto" or (training.xla == "auto" and so_far.xla)):
        return FROM_RUN
    if training.precision != "auto":
        return FROM_RECIPE
    return "auto: TPUs compute in bfloat16" if kind == "TPU" else "auto: nothing was measured"


def is_worth(cost: float, steps: int, seconds: float) -> bool:
    """Return whether a comparison may cost so much.

    Args:
        cost: seconds that the comparison takes.
        steps: steps of the training.
        seconds: seconds of a step.
    """
    return cost <= MOST_SHARE * steps * seconds


def gain(before: Sequence[float], after: Sequence[float]) -> float:
    """Return how many times as fast the second of two variants is: the median of the ratios of the rounds.

    Args:
        before: times of the first variant, one a round.
        after: times of the second one in the same rounds.
    """
    return median(one / other for one, other in zip(before, after, strict=True))
