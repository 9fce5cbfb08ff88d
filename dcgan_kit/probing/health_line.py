"""Findings → one line that says how the networks are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dcgan_kit.components.contracts.probe import PROBE_FAILED, Finding
from dcgan_kit.errors import counted
from dcgan_kit.probing.probe_run import ProbeResults

TOLD = 3
"""Findings in the line; the others are counted."""


def findings_of(asked: ProbeResults) -> tuple[Finding, ...]:
    """All findings of a look, numbers that are not finite first: they make every other one doubtful."""
    found = tuple(finding for findings in asked.findings.values() for finding in findings)
    return (*not_finite(asked.numbers), *found)


def not_finite(numbers: Mapping[str, float]) -> tuple[Finding, ...]:
    """A finding if some readings are infinite or no numbers."""
    wrong = [key for key, value in numbers.items() if not math.isfinite(value)]
    if not wrong:
        return ()
    where, _, what = wrong[0].rpartition("/")
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return (
        Finding(
            disease="not finite",
            where=where,
            told=f"{what}{more} not finite",
            value=numbers[wrong[0]],
            baseline=0.0,
            advice="a lower learning rate; `dcgan-kit replay` shows which tensor of a crash bundle overflows first",
            page="health.md#not-finite",
        ),
    )


def failure(name: str, line: str) -> Finding:
    """A record of a probe that failed, and looks no more."""
    return Finding(
        disease=PROBE_FAILED,
        where=name,
        told=line,
        value=math.nan,
        baseline=math.nan,
        advice="mending the probe, or leaving it out of `training.probing.probes`",
        page="health.md#who-has-looked",
    )


def health_line(findings: Sequence[Finding], asked: int, failed: int = 0) -> str:
    """One line: ``health: generator stage 2: 31 % dead channels``.

    Args:
        findings: what is ill.
        asked: probes that have looked, and told what they saw.
        failed: probes that could not: nobody knows what they would have found.
    """
    silent = f"; {counted(failed, 'probe')} failed, so problems may be hidden" if failed else ""
    if not findings and not asked:
        return f"health: unknown: no probe gave a reading{silent.partition(',')[0]}"
    if not findings:
        return f"health: {counted(asked, 'probe')} {'finds' if asked == 1 else 'find'} nothing wrong{silent}"
    told = "; ".join(map(str, findings[:TOLD]))
    more = f"; and {len(findings) - TOLD} more" if len(findings) > TOLD else ""
    return f"health: {told}{more}{silent}"
