"""Probes during training: when each one runs, what it is compared with, and which findings last."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.probe import Finding, Readings
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.probing.context import FixedBatch
from dcgan_kit.probing.health_line import failure, findings_of, health_line, not_finite
from dcgan_kit.probing.probe_run import NamedProbe, ProbeMemory, ProbeResults
from dcgan_kit.runs.checkpoint import MAX_MEMORY_BYTES
from dcgan_kit.runs.observer_memory import as_text, from_text


@dataclass(frozen=True)
class Inspection:
    """The results of the probes at one step.

    Attributes:
        scalars: finite readings by place, for metrics and TensorBoard.
        findings: the findings at this step.
        lasting: findings that the same probe also had at its previous reading. Act on these; other findings can pass by
            themselves.
        current: (disease, place) of each probe's latest findings, from this step or earlier ones.
        health: the health line, or empty if no probe was due for findings. It counts all probes that have failed so
            far.
        notes: a line about each probe that failed; such a probe does not run again.
        failures: the same as records beside the findings, so that later readers know which probes did not run.
    """

    scalars: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    lasting: tuple[Finding, ...] = ()
    current: frozenset[tuple[str, str]] = frozenset()
    health: str = ""
    notes: tuple[str, ...] = ()
    failures: tuple[Finding, ...] = ()


class ProbeWatch:
    """Runs probes at their steps.

    Cheap probes run every ``every`` steps. All probes run every ``evaluate_every`` steps and at the last step. All
    probes also run at step 0, and later readings are compared with these. The constructor takes the readings of step 0,
    before a checkpoint is restored, so a resumed run has the same ones.

    Args:
        session: a session at step 0, as ``Session.create`` returns it. Workers other than the chief compute nothing.
        images: training images.
        probes: the probes to run.
        every: steps between two readings of a cheap probe.
        evaluate_every: steps between two readings of all probes.

    Attributes:
        batch: the fixed batch; exists only on the chief.
    """

    def __init__(
        self, session: Session, images: Images, probes: Sequence[NamedProbe], every: int, evaluate_every: int
    ) -> None:
        if session.state.steps_done:
            raise RuntimeError(
                "probes first need the readings of step 0; create the watch before restoring a checkpoint"
            )
        self._all = self._probes = tuple(probes)
        self._names = {probe.name: probe for probe in self._all}
        self._every, self._evaluate_every = every, evaluate_every
        self._last = session.recipe.training.steps
        self._found: dict[str, set[tuple[str, str]]] = {}
        # Memories of probes are kept as text, so that a resumed run reads the same values as an uninterrupted one.
        self._due: dict[int, dict[str, str]] = {}
        self._first = ProbeResults()
        if session.devices.chief:
            self.batch = FixedBatch(session, images)
            context = self.batch.context()
            for probe in self._probes:
                self._first.measure(probe, context)

    @property
    def first(self) -> Mapping[str, Readings]:
        """Readings at step 0, by probe name."""
        return self._first.readings

    def due(self, step: int) -> bool:
        """Whether a probe is due after ``step`` steps."""
        return any(self._is_due(probe, step) or self._second_is_due(probe, step) for probe in self._all)

    def inspect(self, step: int) -> Inspection:
        """Run the probes that are due. This changes no variable of the session."""
        context = self.batch.context()
        later = ProbeResults()
        for name, text in self._due.pop(step, {}).items():
            later.compare(ProbeMemory(self._names[name], 0, from_text(text)), context)
        evaluated = any(self._is_due(probe, step) for probe in self._all)
        now = [probe for probe in self._probes if self._is_due(probe, step)]
        results = self._first if step == 0 else ProbeResults()
        for probe in now:
            if step > 0:
                results.measure(probe, context)
            memory = results.remember(probe, context)
            if memory is not None:
                self._keep(memory, step, results)
        results.diagnose(now, self.first)
        findings, known = findings_of(results), self._known()
        if now:
            self._found.update({name: {_key(f) for f in found} for name, found in results.findings.items()})
            self._found[""] = {_key(f) for f in not_finite(results.numbers)}
        failed = {**later.failed, **results.failed}
        self._leave_out(failed)
        numbers = {**results.numbers, **later.numbers}
        succeeded = len(results.succeeded - failed.keys())
        return Inspection(
            scalars={key: value for key, value in numbers.items() if math.isfinite(value)},
            findings=findings,
            lasting=tuple(finding for finding in findings if _key(finding) in known),
            current=frozenset(self._known()),
            health=health_line(findings, succeeded, len(self._failed())) if evaluated else "",
            notes=tuple(failed.values()),
            failures=tuple(failure(name, line) for name, line in failed.items()),
        )

    def memory(self) -> Any:
        """Return the state of the probes: the latest findings, the memories for second readings, and failed probes."""
        return {
            "found": self._found,
            "due": self._due,
            "failed": self._failed(),
        }

    def recall(self, memory: Any) -> None:
        """Restore the state that ``memory`` returned, for the probes of this recipe."""
        self._found = {name: set(found) for name, found in memory["found"].items() if name in ("", *self._names)}
        self._due = {
            step: {name: text for name, text in memories.items() if name in self._names}
            for step, memories in memory["due"].items()
        }
        self._probes = self._all
        self._leave_out(memory["failed"])

    def _keep(self, memory: ProbeMemory, step: int, results: ProbeResults) -> None:
        """Keep the memory of a probe until its second reading."""
        name, component = memory.probe.name, memory.probe.component
        try:
            text = as_text(memory.memory)
        except TypeError as error:
            results.failed[name] = (
                f"{component}: remember must return numbers, texts, arrays, or lists and mappings of these, which a "
                f"checkpoint can hold, and gave {error}"
            )
            return
        # The name is the key, because a step can occur again after a return to an earlier checkpoint.
        self._due.setdefault(step + memory.after, {})[name] = text
        size = sum(len(one) for due in self._due.values() for one in due.values())
        if size > MAX_MEMORY_BYTES:
            results.failed[name] = (
                f"{component}: the memories of probes take {size // 2**20} MiB; a checkpoint holds at most "
                f"{MAX_MEMORY_BYTES // 2**20} MiB of them"
            )

    def _is_due(self, probe: NamedProbe, step: int) -> bool:
        return step % self._evaluate_every == 0 or step == self._last or (probe.probe.cheap and step % self._every == 0)

    def _second_is_due(self, probe: NamedProbe, step: int) -> bool:
        # Only the step decides: workers without memories of probes must pause at the same steps as the chief.
        after = 0 if probe.probe.second is None else probe.probe.second.after
        return 0 < after <= step and self._is_due(probe, step - after)

    def _leave_out(self, names: Container[str]) -> None:
        self._probes = tuple(probe for probe in self._probes if probe.name not in names)
        for step, memories in list(self._due.items()):
            self._due[step] = {name: one for name, one in memories.items() if name not in names}
            if not self._due[step]:
                del self._due[step]

    def _failed(self) -> list[str]:
        """Names of the probes that do not run any more."""
        return [probe.name for probe in self._all if probe not in self._probes]

    def _known(self) -> set[tuple[str, str]]:
        """The latest findings of all probes."""
        return set().union(*self._found.values())


def _key(finding: Finding) -> tuple[str, str]:
    return finding.disease, finding.where
