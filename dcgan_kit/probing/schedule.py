"""Probes along a training: when each is asked, what it is compared with, and what it finds twice in a row."""

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
from dcgan_kit.probing.probe_run import Kept, NamedProbe, ProbeResults
from dcgan_kit.runs.checkpoint import MOST_OF_MEMORY
from dcgan_kit.runs.observer_memory import as_text, from_text


@dataclass(frozen=True)
class Look:
    """What the probes of one look say.

    Attributes:
        scalars: finite numbers by place, for metrics and TensorBoard.
        findings: what is ill now.
        lasting: those of them that the same probe found at its look before too. A network is ill for a moment now and
            then, and well again; act on these.
        standing: (disease, place) of all that probes found when they were asked last, these or others.
        health: one line for people, or empty where no probe was to be asked for a diagnosis. It counts probes that have
            failed, now or before.
        notes: a line about each probe that failed; it is not asked again.
        failures: the same for what keeps findings: who reads them later must know that nobody looked.
    """

    scalars: Mapping[str, float]
    findings: tuple[Finding, ...] = ()
    lasting: tuple[Finding, ...] = ()
    standing: frozenset[tuple[str, str]] = frozenset()
    health: str = ""
    notes: tuple[str, ...] = ()
    failures: tuple[Finding, ...] = ()


class ProbeWatch:
    """Asks probes at their steps.

    Cheap ones are asked every ``every`` steps, all of them every ``evaluate_every``; at step 0 all of them, whose
    numbers are what later ones are compared with. A resumed run has the same: they are taken when the watch is made,
    before a checkpoint is restored.

    Args:
        session: at step 0, as ``Session.create`` returns it. Nothing is computed on a worker that is not the chief.
        images: training images.
        probes: who is asked.
        every: steps from one look of cheap probes to the next.
        evaluate_every: likewise of all probes.

    Attributes:
        batch: what they look at; on the chief alone.
    """

    def __init__(
        self, session: Session, images: Images, probes: Sequence[NamedProbe], every: int, evaluate_every: int
    ) -> None:
        if session.state.steps_done:
            raise RuntimeError("probes take the numbers of step 0 first; make the watch before restoring a checkpoint")
        self._all = self._probes = tuple(probes)
        self._names = {probe.name: probe for probe in self._all}
        self._every, self._evaluate_every = every, evaluate_every
        self._last = session.recipe.training.steps
        self._found: dict[str, set[tuple[str, str]]] = {}
        # What is remembered is kept as text: a run that was stopped reads it back, and sees what a straight one sees.
        self._due: dict[int, dict[str, str]] = {}
        self._first = ProbeResults()
        if session.devices.chief:
            self.batch = FixedBatch(session, images)
            subject = self.batch.subject()
            for probe in self._probes:
                self._first.measure(probe, subject)

    @property
    def first(self) -> Mapping[str, Readings]:
        """Readings at step 0 by the probe's name."""
        return self._first.readings

    def due(self, step: int) -> bool:
        """Whether a probe is to be asked when ``step`` steps are done."""
        return any(self._asks(probe, step) or self._asks_again(probe, step) for probe in self._all)

    def look(self, step: int) -> Look:
        """Ask the probes that are due; no variable of the session is another one afterwards."""
        subject = self.batch.subject()
        later = ProbeResults()
        for name, text in self._due.pop(step, {}).items():
            later.compare(Kept(self._names[name], 0, from_text(text)), subject)
        wanted = any(self._asks(probe, step) for probe in self._all)
        now = [probe for probe in self._probes if self._asks(probe, step)]
        asked = self._first if step == 0 else ProbeResults()
        for probe in now:
            if step > 0:
                asked.measure(probe, subject)
            kept_now = asked.remember(probe, subject)
            if kept_now is not None:
                self._keep(kept_now, step, asked)
        asked.diagnose(now, self.first)
        findings, known = findings_of(asked), self._known()
        if now:
            self._found.update({name: {_key(f) for f in found} for name, found in asked.findings.items()})
            self._found[""] = {_key(f) for f in not_finite(asked.numbers)}
        failed = {**later.failed, **asked.failed}
        self._leave_out(failed)
        numbers = {**asked.numbers, **later.numbers}
        return Look(
            scalars={key: value for key, value in numbers.items() if math.isfinite(value)},
            findings=findings,
            lasting=tuple(finding for finding in findings if _key(finding) in known),
            standing=frozenset(self._known()),
            health=health_line(findings, len(asked.well_asked - failed.keys()), len(self._failed())) if wanted else "",
            notes=tuple(failed.values()),
            failures=tuple(failure(name, line) for name, line in failed.items()),
        )

    def memory(self) -> Any:
        """What looks depend on besides the networks: what was found last, and kept for second looks; who has failed."""
        return {
            "found": self._found,
            "due": self._due,
            "failed": self._failed(),
        }

    def recall(self, memory: Any) -> None:
        """Go on from what ``memory`` returned, of this recipe's probes."""
        self._found = {name: set(found) for name, found in memory["found"].items() if name in ("", *self._names)}
        self._due = {
            step: {name: text for name, text in kept.items() if name in self._names}
            for step, kept in memory["due"].items()
        }
        self._probes = self._all
        self._leave_out(memory["failed"])

    def _keep(self, kept: Kept, step: int, asked: ProbeResults) -> None:
        """Keep what a probe remembers until its second look."""
        name, component = kept.probe.name, kept.probe.component
        try:
            text = as_text(kept.memory)
        except TypeError as error:
            asked.failed[name] = (
                f"{component}: remember must return numbers, texts, arrays, or lists and mappings of these, which a "
                f"checkpoint can hold, and gave {error}"
            )
            return
        # By name: after going back to a checkpoint the same step is met again.
        self._due.setdefault(step + kept.after, {})[name] = text
        size = sum(len(one) for due in self._due.values() for one in due.values())
        if size > MOST_OF_MEMORY:
            asked.failed[name] = (
                f"{component}: what probes remember comes to {size // 2**20} MiB; a checkpoint holds at most "
                f"{MOST_OF_MEMORY // 2**20} MiB of it"
            )

    def _asks(self, probe: NamedProbe, step: int) -> bool:
        return step % self._evaluate_every == 0 or step == self._last or (probe.probe.cheap and step % self._every == 0)

    def _asks_again(self, probe: NamedProbe, step: int) -> bool:
        # Told by the step alone: workers that keep no first looks stop with the chief, which does.
        after = 0 if probe.probe.second is None else probe.probe.second.after
        return 0 < after <= step and self._asks(probe, step - after)

    def _leave_out(self, names: Container[str]) -> None:
        self._probes = tuple(probe for probe in self._probes if probe.name not in names)
        for step, kept in list(self._due.items()):
            self._due[step] = {name: one for name, one in kept.items() if name not in names}
            if not self._due[step]:
                del self._due[step]

    def _failed(self) -> list[str]:
        """The probes that are asked no more."""
        return [probe.name for probe in self._all if probe not in self._probes]

    def _known(self) -> set[tuple[str, str]]:
        """What each probe found when it was asked last."""
        return set().union(*self._found.values())


def _key(finding: Finding) -> tuple[str, str]:
    return finding.disease, finding.where
