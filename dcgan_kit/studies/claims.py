"""Claims: what a study is expected to find, written before it runs. ``verdicts`` judges what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.section_types import Strict

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
