"""The results of a study: numbers by variant and seed, comparisons, and the sentences that may be said."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.studies.readings import Cost, Reading
from dcgan_kit.studies.statistics import LEVEL, Comparison, compare_all, seeds_needed
from dcgan_kit.studies.variants import Variant

VERSION = 1


@dataclass(frozen=True)
class RunResult:
    """One run of a study.

    Attributes:
        variant: index of its variant.
        seed: its ``training.seed``.
        identity: its identity, which is the name of its folder.
        readings: its numbers by name; empty if it is not finished.
        cost: what it cost; None if it is not finished.
        failure: why it failed, in one line; empty if it did not.
        findings: what probes found in it.
    """

    variant: int
    seed: int
    identity: str
    readings: Mapping[str, Reading] = field(default_factory=dict)
    cost: Cost | None = None
    failure: str = ""
    findings: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether it has its numbers, or has failed for good."""
        return bool(self.readings or self.failure)


@dataclass(frozen=True)
class Compared:
    """The comparison of a number of one variant with the first variant.

    Attributes:
        variant: index of the variant.
        number: name of the number.
        seeds: the seeds that both have.
        comparison: the differences and what they carry, corrected for all comparisons of the study.
    """

    variant: int
    number: str
    seeds: tuple[int, ...]
    comparison: Comparison

    @property
    def shown(self) -> bool:
        """Whether the study shows that the variant differs from the first one in this number."""
        return self.comparison.p_holm <= LEVEL


@dataclass(frozen=True)
class StudyResult:
    """The results of a study.

    Attributes:
        name: the name of the recipe, or of the first one.
        overrides: the overrides that all runs share.
        variants: what was varied; all others are compared with the first one.
        seeds: the number of seeds that every variant has at least.
        numbers: names of the numbers, in order.
        runs: all runs, by variant and then by seed.
        description: what the study is about.
        interim: with how many runs the results were complete, and could be seen, in order of time.
    """

    name: str
    overrides: tuple[str, ...]
    variants: tuple[Variant, ...]
    seeds: int
    numbers: tuple[str, ...]
    runs: tuple[RunResult, ...]
    description: str = ""
    interim: tuple[int, ...] = ()

    @property
    def missing(self) -> int:
        """The number of runs that are neither finished nor failed."""
        return sum(not run.finished for run in self.runs)

    def of(self, variant: int) -> tuple[RunResult, ...]:
        """Return the runs of a variant, by seed."""
        return tuple(run for run in self.runs if run.variant == variant)

    def values(self, variant: int, number: str) -> dict[int, float]:
        """Return a number of a variant by seed, for the runs that have it."""
        return {run.seed: run.readings[number].value for run in self.of(variant) if number in run.readings}

    def floor(self, number: str) -> float | None:
        """Return the number that real images get, as a mean over all runs; None if it has none."""
        known = [run.readings[number].floor for run in self.runs if number in run.readings]
        floors = [one for one in known if one is not None]
        return statistics.mean(floors) if floors else None

    @cached_property
    def comparisons(self) -> tuple[Compared, ...]:
        """Each number of each variant but the first, compared with the first variant within seeds."""
        places, pairs = [], []
        for variant in range(1, len(self.variants)):
            for number in self.numbers:
                mine, reference = self.values(variant, number), self.values(0, number)
                both = tuple(seed for seed in mine if seed in reference)
                places.append((variant, number, both))
                pairs.append(([mine[seed] for seed in both], [reference[seed] for seed in both]))
        return tuple(Compared(*place, found) for place, found in zip(places, compare_all(pairs), strict=True))

    def comparison(self, variant: int, number: str) -> Compared | None:
        """Return the comparison of a number of a variant; None for the first variant."""
        return next((one for one in self.comparisons if (one.variant, one.number) == (variant, number)), None)

    def columns(self, number: str) -> dict[str, list[str]]:
        """Return the table of one number, as columns of text: a row for each variant."""
        rows = [self._row(index, number) for index in range(len(self.variants))]
        heads = ("variant", "runs", number, "difference", "interval", "p", "real images")
        table = {head: [row[column] for row in rows] for column, head in enumerate(heads)}
        return {head: cells for head, cells in table.items() if head != "real images" or any(cells)}

    def _row(self, index: int, number: str) -> tuple[str, ...]:
        values, floor = list(self.values(index, number).values()), self.floor(number)
        spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
        mean = f"{statistics.mean(values):.4g}{spread}" if values else "-"
        difference, interval, p = "", "", ""
        one = self.comparison(index, number)
        if one is not None and one.seeds:
            found = one.comparison
            difference, p = f"{found.mean:+.3g}", f"{found.p_holm:.2g}"
            interval = f"{found.low:+.3g} to {found.high:+.3g}" if len(one.seeds) > 1 else ""
        real = "" if floor is None else f"{floor:.4g}"
        return (
            self.variants[index].title,
            f"{len(values)} of {len(self.of(index))}",
            mean,
            difference,
            interval,
            p,
            real,
        )

    def sentences(self) -> list[str]:
        """Return what may be said: a sentence for each comparison, then what limits it."""
        said = [self._sentence(one) for one in self.comparisons]
        count = len(said)
        pairs = min((len(one.seeds) for one in self.comparisons), default=0)
        too_few = shortage(pairs, count)
        if too_few and not all(one.shown for one in self.comparisons):
            said.append(f"{too_few}.")
        elif count > 1:
            said.append(f"The p-values and intervals hold together for all {count} comparisons (Holm's method).")
        for index, variant in enumerate(self.variants):
            failed = [run for run in self.of(index) if run.failure]
            if failed:
                share = f"{len(failed)} of {len(self.of(index))} runs failed"
                said.append(f"{variant.title}: {share} ({failed[0].failure}); the numbers are of the others.")
        if self.missing:
            said.append(f"{counted(self.missing, 'run')} of {len(self.runs)} not finished.")
        earlier = sorted({count for count in self.interim if count < len(self.runs)})
        if earlier:
            before = " and of ".join(map(str, earlier))
            said.append(
                f"The results of {before} runs could be seen before runs were added. If this decided about adding "
                "them, p-values are too small."
            )
        return said

    def _sentence(self, one: Compared) -> str:
        name, reference = self.variants[one.variant].title, self.variants[0].title
        found = one.comparison
        if not one.seeds:
            return f"{one.number}: {name} and {reference} have no finished seed in common."
        if not any(found.differences):
            return f"{one.number}: {name} and {reference} are equal in every seed."
        what = f"{abs(found.mean):.3g} {'higher' if found.mean > 0 else 'lower'}"
        seeds = counted(len(one.seeds), "seed")
        if one.shown:
            return (
                f"{one.number}: {name} is {what} than {reference} on average over {seeds} "
                f"({100 * found.level:.3g} % interval of the difference: {found.low:+.3g} to {found.high:+.3g}; "
                f"p = {found.p_holm:.2g})."
            )
        return (
            f"{one.number}: no difference between {name} and {reference} is shown ({what} on average over {seeds}, "
            f"p = {found.p_holm:.2g})."
        )

    def as_data(self) -> dict[str, Any]:
        """Return all of it as a mapping for JSON. Times of this machine are left out: they are never twice the same."""
        return {
            "version": VERSION,
            "name": self.name,
            "description": self.description,
            "overrides": list(self.overrides),
            "variants": [{"title": one.title, "settings": dict(one.settings)} for one in self.variants],
            "seeds": self.seeds,
            "runs": [run_data(run) for run in self.runs],
            "comparisons": [_comparison_data(one) for one in self.comparisons],
            "sentences": self.sentences(),
            "interim_analyses": list(self.interim),
        }

    def as_json(self) -> str:
        """Return ``as_data`` as text."""
        return json.dumps(self.as_data(), indent=2, allow_nan=False) + "\n"


def shortage(seeds: int, comparisons: int) -> str:
    """Return why a study cannot show any difference; empty if it can."""
    needed = seeds_needed(comparisons)
    among = counted(comparisons, "comparison")
    if needed is None:
        return f"No number of seeds can show a difference among {among}: compare less at once"
    if seeds >= needed:
        return ""
    return (
        f"With {counted(seeds, 'seed')}, no difference can be shown at 5 % among {among}: take at least {needed} seeds"
    )


def run_data(run: RunResult) -> dict[str, Any]:
    """Return a run as a mapping for JSON, without the time that it took."""
    cost = run.cost
    return {
        "variant": run.variant,
        "seed": run.seed,
        "identity": run.identity,
        "failure": run.failure,
        "findings": list(run.findings),
        "cost": None if cost is None else {name: value for name, value in vars(cost).items() if name != "seconds"},
        "numbers": {
            name: {"value": reading.value, "floor": reading.floor, "better": reading.better}
            for name, reading in run.readings.items()
        },
    }


def _comparison_data(one: Compared) -> dict[str, Any]:
    found = one.comparison
    return {
        "variant": one.variant,
        "number": one.number,
        "seeds": list(one.seeds),
        "differences": list(found.differences),
        "mean": finite(found.mean),
        "low": finite(found.low),
        "high": finite(found.high),
        "level": found.level,
        "p": found.p,
        "p_holm": found.p_holm,
        "shown": one.shown,
    }


def finite(value: float | None) -> float | None:
    """Return a number; None for one that is infinite or undefined."""
    return value if value is not None and math.isfinite(value) else None


def in_order(runs: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """Return runs by variant and then by seed."""
    return tuple(sorted(runs, key=lambda run: (run.variant, run.seed)))
