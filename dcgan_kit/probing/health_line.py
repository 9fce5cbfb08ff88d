"""Findings → the health line: one line about the state of the networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dcgan_kit.components.contracts.probe import PROBE_FAILED, Finding
from dcgan_kit.errors import counted
from dcgan_kit.probing.probe_run import ProbeResults

MOST_SHOWN = 3
"""Number of findings in the line; the others are only counted."""


def findings_of(results: ProbeResults) -> tuple[Finding, ...]:
    """Return all findings of one step. Infinite and NaN readings come first: they make the others doubtful."""
    found = tuple(finding for findings in results.findings.values() for finding in findings)
    return (*not_finite(results.numbers), *found)


def not_finite(numbers: Mapping[str, float]) -> tuple[Finding, ...]:
    """Return a finding if some readings are infinite or NaN, else nothing."""
    wrong = [key for key, value in numbers.items() if not math.isfinite(value)]
    if not wrong:
        return ()
    place, _, reading = wrong[0].rpartition("/")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return (
        Finding(
            disease="not finite",
            where=place,
            observation=f"{reading}{more} not finite",
            value=numbers[wrong[0]],
            baseline=0.0,
            advice="a lower learning rate; `dcgan-kit replay` shows which tensor of a crash bundle overflows first",
            page="health.md#not-finite",
        ),
    )


def failure(name: str, line: str) -> Finding:
    """Return a record of a probe that failed and does not run again."""
    return Finding(
        disease=PROBE_FAILED,
        where=name,
        observation=line,
        value=math.nan,
        baseline=math.nan,
        advice="repairing the probe, or removing it from `training.probing.probes`",
        page="health.md#probes-that-failed",
    )


def health_line(findings: Sequence[Finding], succeeded: int, failed: int = 0) -> str:
    """Return the health line, e.g. ``health: generator stage 2: 31 % dead channels``.

    Args:
        findings: the findings to report.
        succeeded: number of probes that ran and gave a reading.
        failed: number of probes that failed; their findings are unknown.
    """
    silent = f"; {counted(failed, 'probe')} failed, so problems may be hidden" if failed else ""
    if not findings and not succeeded:
        return f"health: unknown: no probe gave a reading{silent.partition(',')[0]}"
    if not findings:
        return f"health: {counted(succeeded, 'probe')} {'finds' if succeeded == 1 else 'find'} nothing wrong{silent}"
    text = "; ".join(map(str, findings[:MOST_SHOWN]))
    more = f"; and {len(findings) - MOST_SHOWN} more" if len(findings) > MOST_SHOWN else ""
    return f"health: {text}{more}{silent}"
