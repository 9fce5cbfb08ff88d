"""Observers: scores and probes that read a run between groups of steps, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.terminal.progress import Watcher


@dataclass(frozen=True)
class Observation:
    """What an observer returns for one step.

    Attributes:
        numbers: numbers by name, for ``metrics.jsonl`` and TensorBoard.
        images: uint8 images (H, W, C) by name, for TensorBoard.
        findings: findings for ``findings.jsonl``; each maps names to values that JSON can hold.
        lines: messages for the user.
        best: the value of ``training.best.metric`` if the observer measured it; it judges this step's checkpoint.
        measured: how ``best`` was measured; only values that were measured in the same way are compared.
        stop: why training should end here; empty to continue.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    lines: Sequence[str] = ()
    best: float | None = None
    measured: str = ""
    stop: str = ""


class Observer(Protocol):
    """Reads a run between groups of steps; ``observe`` is called only on the chief."""

    def due(self, step: int) -> bool:
        """Return whether ``observe`` should be called after ``step`` steps; 0 is before the first step.

        The answer must depend only on the step, because all workers pause at it.
        """

    def observe(self, step: int) -> Observation:
        """Read the run. Afterwards all variables of the session must have the values that they had before."""

    def memory(self) -> Any:
        """Return what later calls of ``observe`` need besides the networks; checkpoints store it.

        ``observer_memory.as_text`` lists the types that it may hold.
        """

    def recall(self, memory: Any) -> None:
        """Replace this observer's memory with one that ``memory`` returned at a checkpoint."""


ObserverFactory = Callable[[Session, Images, Images, Watcher], Sequence[Observer]]
"""(session, training images, held-out images, watcher) → observers, in the order in which they are called.

Every worker calls it before the first step, so that all workers report an error in the recipe.
"""


def no_observers(session: Session, images: Images, held_out: Images, watcher: Watcher) -> Sequence[Observer]:
    """Return no observers."""
    return ()
