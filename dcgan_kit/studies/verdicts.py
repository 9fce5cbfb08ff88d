"""Verdicts on claims: what the numbers of a study say about each expectation, and all of them about the claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.errors import UserError, counted
from dcgan_kit.studies.claims import Claim, Expectation, Verdict, require_known
from dcgan_kit.studies.results import StudyResult
from dcgan_kit.studies.statistics import LEVEL, Comparison, compare, holm


@dataclass(frozen=True)
class Judged:
    """The verdict of one number on one expectation.

    Attributes:
        number: name of the number.
        verdict: what it says.
        comparison: the differences in the direction of the expectation, without ``by``; None for bounds and equality,
            which every run decides for itself.
        found: what was found, in words.
    """

    number: str
    verdict: Verdict
    comparison: Comparison | None
    found: str


@dataclass(frozen=True)
class Finding:
    """The verdict on one expectation.

    Attributes:
        expectation: the expectation.
        judged: the verdict of each of its numbers.
        refutation: p-value of the opposite, after Holm's correction for all expectations of the claim.
    """

    expectation: Expectation
    judged: tuple[Judged, ...]
    refutation: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """What all numbers say; ``inconclusive`` where they do not agree."""
        said = {one.verdict for one in self.judged}
        if said == {"refuted"} and self.refutation > LEVEL:
            return "inconclusive"
        return said.pop() if len(said) == 1 else "inconclusive"

    @property
    def disagreement(self) -> str:
        """How the numbers disagree, in words; empty if they do not."""
        if len({one.verdict for one in self.judged}) == 1:
            return ""
        supporting = [one.number for one in self.judged if one.verdict == "supported"]
        refuting = [one.number for one in self.judged if one.verdict == "refuted"]
        open_ones = [one.number for one in self.judged if one.verdict == "inconclusive"]
        parts = [
            f"{' and '.join(names)} {'say' if len(names) > 1 else 'says'} {what}"
            for names, what in ((supporting, "yes"), (refuting, "no"), (open_ones, "nothing"))
            if names
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class ClaimResult:
    """The verdict on a claim.

    Attributes:
        claim: the claim.
        findings: the verdict on each expectation.
        complete: whether all runs of the study are finished.
    """

    claim: Claim
    findings: tuple[Finding, ...]
    complete: bool

    @property
    def verdict(self) -> Verdict:
        """``supported`` if every expectation is, ``refuted`` if the opposite of any is, else ``inconclusive``."""
        said = [finding.verdict for finding in self.findings]
        if not self.complete:
            return "inconclusive"
        if "refuted" in said:
            return "refuted"
        return "supported" if set(said) == {"supported"} else "inconclusive"


def judge(claim: Claim, result: StudyResult) -> ClaimResult:
    """Return the verdict on a claim.

    A claim is supported if all its numbers support it. Each of them is tested at 5 % then: the probability of wrong
    support is 5 % or less without any correction (an intersection-union test; Berger 1982,
    doi 10.1080/00401706.1982.10487790). The opposite of one expectation refutes it, so refutations are corrected for
    all expectations (Holm's method).

    Raises:
        UserError: the claim names a variant or a number that the study does not have.
    """
    require_known(claim, [variant.title for variant in result.variants], result.numbers)
    judged = [tuple(_judged(one, number, result) for number in one.numbers) for one in claim.expect]
    worst = [max((each.comparison.p for each in of if each.comparison is not None), default=0.0) for of in judged]
    findings = tuple(map(Finding, claim.expect, judged, holm(worst)))
    return ClaimResult(claim, findings, result.missing == 0)


def _judged(one: Expectation, number: str, result: StudyResult) -> Judged:
    if one.relation not in ("higher", "lower", "better"):
        return _by_every_run(one, number, result)
    mine, other, failures = _oriented(one, number, result)
    return _by_comparison(one, number, compare(mine, other), failures)


def _variant(result: StudyResult, title: str | None) -> int:
    return next(index for index, variant in enumerate(result.variants) if variant.title == title)


def _oriented(one: Expectation, number: str, result: StudyResult) -> tuple[list[float], list[float], str]:
    """Return the numbers of both variants by seed, so that a difference above 0 agrees with the expectation.

    With ``better``, a run that failed is worse than the other of its seed, by the largest difference that was found.
    The last part says in words what failed.
    """
    variants = [_variant(result, title) for title in (one.variant, one.than)]
    mine, other = (_goodness(one, number, result, variant) for variant in variants)
    both = [seed for seed in mine if seed in other]
    values, references = [mine[seed] for seed in both], [other[seed] + one.by for seed in both]
    failed = [{run.seed for run in result.of(variant) if run.failure} for variant in variants]
    if one.relation == "better":
        most = max((abs(mine[seed] - other[seed]) for seed in both), default=0.0) or 1.0
        for seed in sorted(failed[0] ^ failed[1]):
            values.append(-most if seed in failed[0] else most)
            references.append(one.by)
    return values, references, _failures(one, failed)


def _failures(one: Expectation, failed: Sequence[set[int]]) -> str:
    """Return in words which runs failed; empty if none did."""
    titles = (one.variant, one.than)
    return ", ".join(
        f"{counted(len(seeds), 'run')} of {title} failed" for title, seeds in zip(titles, failed, strict=False) if seeds
    )


def _goodness(one: Expectation, number: str, result: StudyResult, variant: int) -> dict[int, float]:
    readings = {run.seed: run.readings[number] for run in result.of(variant) if number in run.readings}
    if one.relation == "higher":
        return {seed: reading.value for seed, reading in readings.items()}
    if one.relation == "lower":
        return {seed: -reading.value for seed, reading in readings.items()}
    if any(math.isnan(reading.goodness) for reading in readings.values()):
        raise UserError(f"{number}: has no better direction; expect 'higher' or 'lower' of it")
    return {seed: reading.goodness for seed, reading in readings.items()}


def _by_comparison(one: Expectation, number: str, found: Comparison, failures: str) -> Judged:
    if not found.differences:
        return Judged(number, "inconclusive", found, failures or "no seed has both numbers")
    # Without its failed runs, a variant may look other than it is; ``better`` has counted them.
    shown = found.p <= LEVEL and (one.relation == "better" or not failures)
    verdict: Verdict = "inconclusive" if not shown else "supported" if found.mean > 0 else "refuted"
    words = {"higher": ("higher", "lower"), "lower": ("lower", "higher"), "better": ("better", "worse")}[one.relation]
    effect = found.mean + one.by
    text = f"{abs(effect):.3g} {words[0 if effect >= 0 else 1]} over {counted(len(found.differences), 'seed')}"
    interval = ""
    if len(found.differences) > 1:
        ends = (found.low + one.by, found.high + one.by)
        # The differences were turned so that the expected direction is positive.
        low, high = (-ends[1], -ends[0]) if one.relation == "lower" else ends
        interval = f", 95 % interval {low:+.3g} to {high:+.3g}"
    return Judged(number, verdict, found, f"{text}{interval}, p = {found.p:.2g}{f'; {failures}' if failures else ''}")


def _by_every_run(one: Expectation, number: str, result: StudyResult) -> Judged:
    variants = [_variant(result, title) for title in (one.variant, one.than) if title is not None]
    mine = result.values(variants[0], number)
    other = result.values(variants[1], number) if len(variants) > 1 else dict.fromkeys(mine, 0.0)
    failures = _failures(one, [{run.seed for run in result.of(variant) if run.failure} for variant in variants])
    values = [mine[seed] - other[seed] for seed in mine if seed in other]
    if one.relation == "equal":
        values = [abs(value) for value in values]
    least = one.relation == "at least"
    holds = [value >= one.by if least else value <= one.by for value in values]
    if not holds:
        return Judged(number, "inconclusive", None, failures or "no run has this number")
    worst = f"{'smallest' if least else 'largest'} {min(values) if least else max(values):.3g}"
    # What holds for every run does not hold for a run that failed.
    verdict: Verdict = "refuted" if not any(holds) else "supported" if all(holds) and not failures else "inconclusive"
    text = f"in {sum(holds)} of {counted(len(holds), 'run')}; {worst}{f'; {failures}' if failures else ''}"
    return Judged(number, verdict, None, text)
