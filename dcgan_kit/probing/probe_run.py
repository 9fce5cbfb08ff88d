"""Running probes. If third-party code fails, the failure is reported, the probe is left out, and training continues."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.probe import Finding, Probe, ProbeContext, Readings
from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.errors import ComponentError
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice

_T = TypeVar("_T")


class ProbeFailed(Exception):
    """A probe raised an error or returned a wrong value. The message names the probe and its owner."""


@dataclass(frozen=True)
class NamedProbe:
    """A probe and the component that made it."""

    component: Component
    probe: Probe

    @property
    def name(self) -> str:
        """The component's name, with its owner if known, because two probes can have the same name."""
        return f"{self.component.owner}/{self.component.name}" if self.component.owner else self.component.name

    def measure(self, context: ProbeContext) -> Readings:
        """Return the readings of the probe.

        Raises:
            ProbeFailed: the probe raised an error, or did not return numbers by place.
        """
        return self._readings("measure", lambda: self.probe.measure(context))

    def remember(self, context: ProbeContext) -> Any:
        """Return what the probe keeps for its second reading; None if it has no second reading.

        Raises:
            ProbeFailed: the probe raised an error.
        """
        second = self.probe.second
        return None if second is None else self._guarded("remember", lambda: second.remember(context))

    def compare(self, memory: Any, context: ProbeContext) -> Readings:
        """Return the second readings; empty if the probe has none.

        Raises:
            ProbeFailed: the probe raised an error, or did not return numbers by place.
        """
        second = self.probe.second
        return {} if second is None else self._readings("compare", lambda: second.compare(memory, context))

    def diagnose(self, readings: Readings, first: Readings) -> tuple[Finding, ...]:
        """Return the findings that follow from the readings.

        Raises:
            ProbeFailed: the probe raised an error, or did not return valid findings of text and numbers.
        """
        findings = self._guarded("diagnose", lambda: tuple(self.probe.diagnose(readings, first)))
        for finding in findings:
            if not isinstance(finding, Finding):
                raise ProbeFailed(
                    f"{self.component}: diagnose must return dcgan_kit.Findings, and gave {_shown(findings)}"
                )
            wrong = _wrong_field(finding)
            if wrong:
                raise ProbeFailed(f"{self.component}: a Finding's {wrong}, and it gave {_shown(finding)}")
        return findings

    def _readings(self, doing: str, call: Callable[[], Any]) -> Readings:
        # An object from third-party code can raise an error when it is read, so reading it is guarded too.
        found, items = self._guarded(doing, lambda: _with_items(call()))
        fits = items is not None and all(
            isinstance(key, str) and "/" in key and isinstance(value, numbers.Real) for key, value in items
        )
        if not fits:
            raise ProbeFailed(f"{self.component} must return numbers by 'place/name', and gave {_shown(found)}")
        return self._guarded(doing, lambda: {key: float(value) for key, value in items})

    def _guarded(self, doing: str, call: Callable[[], _T]) -> _T:
        with guarded(self.component, doing, ProbeFailed, passing=()):
            return call()


def _with_items(found: Any) -> tuple[Any, Any]:
    return found, list(found.items()) if isinstance(found, Mapping) else None


def _wrong_field(finding: Finding) -> str:
    for name in ("disease", "where", "observation", "advice", "page"):
        if not isinstance(getattr(finding, name), str):
            return f"{name} must be text"
    for name in ("value", "baseline"):
        if not isinstance(getattr(finding, name), numbers.Real):
            return f"{name} must be a number"
    return ""


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.100}"
    except Exception:
        # The repr of an object from third-party code can fail too.
        return f"an object of {type(value).__name__}"


def build_probes(choices: Iterable[Choice]) -> tuple[NamedProbe, ...]:
    """Build the probes that a recipe or a command chose.

    Raises:
        ComponentError: a factory raised an error or returned no Probe; the message names the component and the key.
    """
    return tuple(NamedProbe(choice.component, _built(choice)) for choice in choices)


def by_default(component: Component) -> Choice:
    """Choose a probe with its default options.

    Raises:
        ComponentError: an option has no default.
    """
    try:
        return Choice(component, dict(component.options()))
    except ValidationError as error:
        raise ComponentError(f"{component} has options without a default; name it in a recipe") from error


def _built(choice: Choice) -> Probe:
    place = f"{dotted(choice.path)}: " if choice.path else ""
    try:
        made = choice.build()
    except ComponentError as error:
        raise ComponentError(f"{place}{error}") from error
    if not isinstance(made, Probe):
        expected = KINDS["probe"].returns
        raise ComponentError(f"{place}{choice.component} must return {expected}, and gave {made!r:.100}")
    return made


@dataclass(frozen=True)
class ProbeMemory:
    """What a probe keeps from its first reading until the second one, ``after`` steps later."""

    probe: NamedProbe
    after: int
    memory: Any


class ProbeResults:
    """The results of some probes at one step.

    Attributes:
        readings: readings by probe name, then by place.
        findings: findings by probe name.
        failed: a line about each probe that failed, by probe name.
    """

    def __init__(self) -> None:
        self.readings: dict[str, Readings] = {}
        self.findings: dict[str, tuple[Finding, ...]] = {}
        self.failed: dict[str, str] = {}

    @property
    def numbers(self) -> dict[str, float]:
        """All readings by place."""
        return {key: value for readings in self.readings.values() for key, value in readings.items()}

    @property
    def succeeded(self) -> frozenset[str]:
        """Names of the probes that gave a reading and did not fail."""
        return frozenset(name for name, readings in self.readings.items() if readings and name not in self.failed)

    def measure(self, probe: NamedProbe, context: ProbeContext) -> None:
        """Add the readings of a probe."""
        with self._noting(probe):
            self._add(probe, probe.measure(context))

    def remember(self, probe: NamedProbe, context: ProbeContext) -> ProbeMemory | None:
        """Return what a probe keeps for its second reading; None if it has no second reading or has failed."""
        second = probe.probe.second
        if second is not None and probe.name not in self.failed:
            with self._noting(probe):
                return ProbeMemory(probe, second.after, probe.remember(context))
        return None

    def compare(self, memory: ProbeMemory, context: ProbeContext) -> None:
        """Add the second readings of a probe."""
        with self._noting(memory.probe):
            self._add(memory.probe, memory.probe.compare(memory.memory, context))

    def diagnose(self, probes: Sequence[NamedProbe], first: Mapping[str, Readings]) -> None:
        """Add the findings of every probe that did not fail. A probe compares its readings with those at step 0."""
        for probe in probes:
            if probe.name not in self.failed:
                readings = self.readings[probe.name]
                with self._noting(probe):
                    self.findings[probe.name] = probe.diagnose(readings, first.get(probe.name, readings))

    def _add(self, probe: NamedProbe, readings: Readings) -> None:
        duplicates = self.numbers.keys() & readings.keys()
        if duplicates:
            raise ProbeFailed(f"{probe.component}: another probe already returned {min(duplicates)!r}")
        self.readings[probe.name] = {**self.readings.get(probe.name, {}), **readings}

    @contextmanager
    def _noting(self, probe: NamedProbe) -> Iterator[None]:
        try:
            yield
        except ProbeFailed as failure:
            self.failed[probe.name] = str(failure)
