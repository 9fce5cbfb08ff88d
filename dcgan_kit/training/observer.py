"""Who looks at a run between groups of steps: scores and probes, which read everything and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.training import Images


@dataclass(frozen=True)
class Sight:
    """What one look has shown.

    Attributes:
        numbers: by name; they go to ``metrics.jsonl`` and to TensorBoard.
        images: uint8 (H, W, C) by name, for TensorBoard.
        findings: what is ill, for ``findings.jsonl``: values that JSON can write, by name.
        lines: for people.
        best: what ``training.best.metric`` names, where it was measured; the checkpoint of this step is kept by it.
        measured: how ``best`` was measured: only what was measured alike is compared.
        stop: why training should end here; empty: it goes on.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    lines: Sequence[str] = ()
    best: float | None = None
    measured: str = ""
    stop: str = ""


class Watcher(Protocol):
    """Who is told how training goes."""

    def note(self, message: str) -> None:
        """Take a line for people."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Take how far something is that comes before the first step, where that takes more than two seconds."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the number of steps that are done and the latest metrics."""


class Observer(Protocol):
    """Looks at a run, on the chief alone."""

    def due(self, step: int) -> bool:
        """Whether it wants to look when ``step`` steps are done; 0 is before the first.

        A function of the step alone: all workers stop where one of them looks.
        """

    def look(self, step: int) -> Sight:
        """Look. No variable of the session may be another one afterwards."""

    def memory(self) -> Any:
        """What later looks depend on besides the networks, for ``observer_memory.as_text``; it lies in checkpoints."""

    def recall(self, memory: Any) -> None:
        """Remember what was remembered at a checkpoint that training goes on from, and nothing else."""


Observe = Callable[[Session, Images, Images, Watcher], Sequence[Observer]]
"""(session, training images, held-out images, who is told) → who looks, in that order.

Called on every worker before the first step, so that what is wrong with a recipe is told by all of them.
"""


def nobody(session: Session, images: Images, held_out: Images, watcher: Watcher) -> Sequence[Observer]:
    """Return no observers."""
    return ()
