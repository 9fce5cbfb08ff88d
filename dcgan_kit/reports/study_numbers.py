"""The numbers of a study: for each a chart of all runs, a chart of differences within seeds, and a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from dcgan_kit.reports.charts import number
from dcgan_kit.reports.content import Block, Drawing, Drawings, Paragraph, Section, Table
from dcgan_kit.reports.run_files import finite, shown
from dcgan_kit.reports.scores import DIRECTIONS
from dcgan_kit.reports.study_charts import MOST_DRAWN, DotRow, Mark, dot_chart
from dcgan_kit.reports.study_facts import StudyFacts
from dcgan_kit.studies.ranks import Rank, ranking
from dcgan_kit.studies.results import Compared, StudyResult
from dcgan_kit.studies.statistics import interval_of

MOST_ROWS = 100
"""Most variants in a table."""
_GOOD = "Good: near the real images, with dots close together; intervals that overlap widely show no clear difference."
_CLEAR = "A variant differs clearly if its interval does not reach 0."
MOST_CHARTS = 20
"""Most numbers with charts; tables show all numbers."""


@dataclass(frozen=True)
class Summary:
    """One number of one variant.

    Attributes:
        count: the runs that have it.
        mean: their mean, or None.
        spread: their standard deviation; None with fewer than two runs.
        low: lower end of the 95 % interval of the mean; None with fewer than two runs.
        high: its upper end.
    """

    count: int
    mean: float | None = None
    spread: float | None = None
    low: float | None = None
    high: float | None = None


@cache
def summary(values: tuple[float, ...]) -> Summary:
    """Return mean, spread and interval of values."""
    if not values:
        return Summary(0)
    if len(values) < 2:
        return Summary(1, values[0])
    interval = interval_of(values)
    return Summary(
        len(values), statistics.fmean(values), statistics.stdev(values), finite(interval.low), finite(interval.high)
    )


def summary_of(result: StudyResult, variant: int, name: str) -> Summary:
    """Return mean, spread and interval of a number of a variant."""
    return summary(tuple(result.values(variant, name).values()))


def direction(result: StudyResult, name: str) -> str:
    """Return in words which values of a number are better; empty if neither is."""
    found = next((run.readings[name].better for run in result.runs if name in run.readings), "neither")
    return DIRECTIONS.get(found, "")


def numbers(facts: StudyFacts) -> Section:
    """Return the section with charts and a table of each number."""
    result = facts.result
    blocks: list[Block] = []
    for place, name in enumerate(result.numbers):
        if not any(result.values(index, name) for index in range(len(result.variants))):
            blocks.append(Paragraph(f"{shown(name)}: no run has it yet.", "missing"))
            continue
        if place < MOST_CHARTS:
            title = "; ".join(filter(None, (shown(name), direction(result, name))))
            blocks.append(Drawings(title, _charts(facts, name)))
        blocks.append(_table(facts, name))
        if ranks := ranking(result, name):
            blocks.append(_ranks(facts, name, ranks))
    if len(result.numbers) > MOST_CHARTS:
        blocks.append(Paragraph(f"The first {MOST_CHARTS} of {len(result.numbers)} numbers have charts."))
    lead = (
        f"Differences are those to {facts.reference}, each within a seed: runs of equal seeds see the same batches and "
        "latent vectors. The p-value is that of a permutation test; Holm’s method corrects it for all comparisons of "
        "the study. Intervals are bootstrap intervals (BCa) of the mean; with few seeds they are too narrow, so the "
        "p-value decides. Ranks have intervals from resampled seeds, which are no test."
    )
    return Section("numbers", "Numbers", lead, tuple(blocks))


def _charts(facts: StudyFacts, name: str) -> tuple[Drawing, ...]:
    result, indices = facts.result, range(min(len(facts.names), MOST_DRAWN))
    floor = result.floor(name)
    left = len(facts.names) - len(indices)
    more = f" The first {len(indices)} of {len(facts.names)} variants are drawn." if left else ""
    rows = []
    for index in indices:
        found = summary_of(result, index, name)
        rows.append(DotRow(facts.names[index], result.values(index, name), found.mean, found.low, found.high))
    marks = () if floor is None else (Mark("real images", floor),)
    level = f" Real images in place of samples get {number(floor)}." if marks else ""
    charts = [
        dot_chart(
            f"{shown(name)}: each run",
            "Each run",
            rows,
            marks,
            joined=True,
            caption="Each dot is a run; lines join runs of equal seed. The diamond below is the mean, with its 95 % "
            f"interval.{level} {_GOOD}{more}",
        )
    ]
    compared = [one for index in indices if (one := result.comparison(index, name)) is not None and one.seeds]
    if compared:
        charts.append(
            dot_chart(
                f"{shown(name)}: difference within seeds",
                f"Difference to {facts.reference}",
                [_difference(facts.names[one.variant], one) for one in compared],
                (Mark("no difference", 0.0),),
                joined=False,
                caption=f"Each dot is a seed: the number of the variant minus that of {facts.reference}. The diamond "
                f"is the mean, with its interval, which is widened for the number of comparisons. {_CLEAR}{more}",
            )
        )
    return tuple(charts)


def _difference(name: str, one: Compared) -> DotRow:
    found = one.comparison
    values = dict(zip(one.seeds, found.differences, strict=True))
    return DotRow(name, values, finite(found.mean), finite(found.low), finite(found.high))


def _table(facts: StudyFacts, name: str) -> Table:
    result = facts.result
    better = direction(result, name) or "neither direction is better"
    rows = [_row(facts, index, name) for index in range(min(len(facts.names), MOST_ROWS))]
    floor = result.floor(name)
    if floor is not None:
        rows.append(("real images (floor)", "", "", number(floor), *("",) * 5))
    columns = (
        "variant",
        "finished",
        "failed",
        "mean",
        "standard deviation",
        "95\u00a0% interval of the mean",
        "difference",
        "its interval",
        "p (Holm)",
    )
    part = f"; the first {MOST_ROWS} of {len(facts.names):,} variants" if len(facts.names) > MOST_ROWS else ""
    return Table(f"{shown(name)}: {better}{part}", columns, tuple(rows), numeric=True)


def _ranks(facts: StudyFacts, name: str, ranks: Sequence[Rank]) -> Table:
    columns = ("rank", "variant", "95\u00a0% of ranks", "mean", "95\u00a0% interval of the mean", "failed")
    rows = [
        (
            str(one.rank),
            facts.names[one.variant],
            "–" if one.best is None else f"{one.best} to {one.worst}",
            number(finite(one.mean)),
            _interval(finite(one.interval.low), finite(one.interval.high)),
            str(one.failed),
        )
        for one in ranks[:MOST_ROWS]
    ]
    return Table(f"Ranking by {shown(name)}, the best first", columns, tuple(rows), numeric=True)


def _row(facts: StudyFacts, index: int, name: str) -> tuple[str, ...]:
    result = facts.result
    found = summary_of(result, index, name)
    failed = sum(bool(run.failure) for run in result.of(index))
    cells = [
        facts.names[index],
        f"{found.count} of {len(result.of(index))}",
        str(failed),
        number(found.mean),
        number(found.spread),
        _interval(found.low, found.high),
    ]
    one = result.comparison(index, name)
    if one is None:
        return (*cells, "reference", "", "")
    if not one.seeds:
        return (*cells, "–", "–", "–")
    mean, low, high = map(finite, (one.comparison.mean, one.comparison.low, one.comparison.high))
    interval = _interval(low, high, signed=True)
    level = f" ({100 * one.comparison.level:.3g}\u00a0%)" if low is not None else ""
    return (*cells, difference(mean), f"{interval}{level}", f"{one.comparison.p_holm:.2g}")


def _interval(low: float | None, high: float | None, signed: bool = False) -> str:
    if low is None or high is None:
        return "–"
    shape = difference if signed else number
    return f"{shape(low)} to {shape(high)}"


def difference(value: float | None) -> str:
    """Format a difference with its sign."""
    return "–" if value is None else f"{value:+.3g}"
