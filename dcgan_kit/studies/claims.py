"""Claims: what a study is expected to find, written before it runs, and the verdict on what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit.errors import UserError, counted, did_you_mean
from dcgan_kit.recipes.section_types import Strict
from dcgan_kit.studies.results import StudyResult
from dcgan_kit.studies.statistics import LEVEL, Comparison, compare, holm

Verdict = Literal["supported", "refuted", "inconclusive"]
Relation = Literal["higher", "lower", "better", "equal", "at least", "at most"]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class ExpectationKeys(Strict):
    """One expectation in a study file."""

    variant: Text
    than: Text | None = None
    numbers: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    relation: Relation = Field(alias="is")
    by: float | None = None


class ClaimKeys(Strict):
    """The section ``claim`` of a study file."""

    sentence: Text
    said: Text
    expect: Annotated[tuple[ExpectationKeys, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class Expectation:
    """What a claim expects of one variant.

    Several numbers are several judges of the same thing: they must agree.

    Attributes:
        variant: title of the variant.
        than: title of the variant that it is compared with, seed by seed; None if it is compared with ``by``.
        numbers: names of the numbers.
        relation: how the numbers should differ. ``better``: in the direction that each number itself says; a number
            that should be as that of real images is better closer to theirs.
        by: how much at least; of ``equal``, how much at most; of ``at least`` and ``at most``, the bound of the number
            itself, or of its difference to the other variant.
    """

    variant: str
    than: str | None
    numbers: tuple[str, ...]
    relation: Relation
    by: float = 0.0

    def __str__(self) -> str:
        names = " and ".join(self.numbers)
        if self.relation in ("at least", "at most"):
            of = self.variant if self.than is None else f"{self.variant} minus {self.than}"
            return f"{names}, {of}: {self.relation} {self.by:g} in every run"
        by = f" by more than {self.by:g}" if self.by and self.relation != "equal" else ""
        within = f" within {self.by:g}" if self.by and self.relation == "equal" else ""
        joint = "to" if self.relation == "equal" else "than"
        return f"{names}: {self.variant} {self.relation} {joint} {self.than}{by}{within}"


@dataclass(frozen=True)
class Claim:
    """A statement about deep convolutional GANs, and what a study must find to support it.

    Attributes:
        sentence: the statement.
        said: where it is said.
        expect: what is expected; all of it supports the claim, the opposite of any refutes it.
    """

    sentence: str
    said: str
    expect: tuple[Expectation, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the section of a study file that means this claim."""
        return {
            "sentence": self.sentence,
            "said": self.said,
            "expect": [
                {
                    "variant": one.variant,
                    **({} if one.than is None else {"than": one.than}),
                    "numbers": list(one.numbers),
                    "is": one.relation,
                    **({"by": one.by} if one.by or one.than is None else {}),
                }
                for one in self.expect
            ],
        }


def claim_of(keys: ClaimKeys) -> Claim:
    """Return the claim of a section of a study file.

    Raises:
        UserError: an expectation compares with nothing, or with two things.
    """
    return Claim(keys.sentence, keys.said, tuple(_expectation(index, one) for index, one in enumerate(keys.expect)))


def _expectation(index: int, keys: ExpectationKeys) -> Expectation:
    bounded = keys.relation in ("at least", "at most")
    if bounded and keys.by is None:
        raise UserError(f"claim.expect.{index}: {keys.relation!r} compares with a number: give it as 'by'")
    if not bounded and keys.than is None:
        raise UserError(f"claim.expect.{index}: {keys.relation!r} compares with another variant: name it in 'than'")
    if keys.variant == keys.than:
        raise UserError(f"claim.expect.{index}: compares {keys.variant!r} with itself")
    if not bounded and (keys.by or 0.0) < 0:
        raise UserError(f"claim.expect.{index}: by: must be 0 or more. Received: {keys.by:g}")
    return Expectation(keys.variant, keys.than, keys.numbers, keys.relation, keys.by or 0.0)


def require_known(claim: Claim, titles: Sequence[str], numbers: Sequence[str]) -> None:
    """Check that a claim names variants and numbers of its study.

    Raises:
        UserError: it names others.
    """
    for index, one in enumerate(claim.expect):
        for title in (one.variant, one.than):
            if title is not None and title not in titles:
                hint = did_you_mean(title, titles) or f" There are: {', '.join(titles)}."
                raise UserError(f"claim.expect.{index}: the study has no variant {title!r}.{hint}")
        for number in one.numbers:
            if number not in numbers:
                raise UserError(
                    f"claim.expect.{index}: the study does not read {number!r}.{did_you_mean(number, numbers)} "
                    "Add it to 'read'"
                )


def plan_hash(text: str) -> str:
    """Return the hash of a study file's canonical text: what was planned before any run. 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
    """
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
    signs: Mapping[str, float] = {"higher": 1.0, "lower": -1.0}
    found = {}
    for seed, reading in readings.items():
        if reading.better in signs:
            found[seed] = signs[reading.better] * reading.value
        elif reading.better == "floor" and reading.floor is not None:
            found[seed] = -abs(reading.value - reading.floor)
        else:
            raise UserError(f"{number}: has no better direction; expect 'higher' or 'lower' of it")
    return found


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
        interval = f", 95 % interval {found.low + one.by:+.3g} to {found.high + one.by:+.3g}"
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
