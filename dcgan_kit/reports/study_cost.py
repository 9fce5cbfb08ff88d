"""What the variants of a study cost, beside what they reach."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from dcgan_kit.reports.charts import MOST_LINES, Chart, Level, Line, drawn, number
from dcgan_kit.reports.content import Block, Drawing, Drawings, Paragraph, Section, Table
from dcgan_kit.reports.run_files import LARGEST, Series, shown
from dcgan_kit.reports.study_charts import near
from dcgan_kit.reports.study_facts import LONGEST_AT_END, StudyFacts, short_names
from dcgan_kit.reports.study_numbers import MOST_ROWS, direction, summary_of
from dcgan_kit.studies.readings import Cost
from dcgan_kit.studies.results import StudyResult

MOST_CHARTS = 12
_GOOD = "Good: near the real images and far to the left. A variant that is farther right and no better wastes work."
_DIFFERENT = 0.001
"""Costs whose ratio is nearer to 1 are drawn as equal."""


def cost(facts: StudyFacts) -> Section:
    """Return the section of costs: a table, and charts of numbers by multiply-accumulates if these differ."""
    result = facts.result
    costs = [_costs(result, index) for index in range(len(facts.names))]
    lead = (
        "Parameters are the trainable ones. Multiply-accumulates are those of all training steps of a run. Seconds are "
        "those of a run on the machine that trained it: they are noisy, because runs share the machine with each other "
        "and with other programs."
    )
    if not any(costs):
        return Section("cost", "Cost", lead, (Paragraph("No run has finished yet.", "missing"),))
    columns = (
        "variant",
        "parameters",
        "of the generator",
        "multiply-accumulates",
        "seconds",
        "lowest to highest",
    )
    rows = tuple(_row(name, of) for name, of in list(zip(facts.names, costs, strict=True))[:MOST_ROWS])
    part = f", the first {MOST_ROWS} of {len(facts.names):,} variants" if len(facts.names) > MOST_ROWS else ""
    blocks: list[Block] = [Table(f"Cost of a run{part}", columns, rows, numeric=True)]
    work = [of[0].multiply_accumulates for of in costs if of]
    if max(work) > min(work) * (1 + _DIFFERENT):
        charts = [chart for name in result.numbers[:MOST_CHARTS] if (chart := _chart(facts, costs, name)) is not None]
        if charts:
            blocks.append(Drawings("Numbers by multiply-accumulates", tuple(charts)))
    else:
        blocks.append(Paragraph("All variants cost equally many multiply-accumulates."))
    return Section("cost", "Cost beside quality", lead, tuple(blocks))


def _costs(result: StudyResult, variant: int) -> list[Cost]:
    return [run.cost for run in result.of(variant) if run.cost is not None]


def _row(name: str, costs: Sequence[Cost]) -> tuple[str, ...]:
    if not costs:
        return (name, *("–",) * 5)
    # Runs of one variant differ in their seeds, which change no cost but the time.
    one, seconds = costs[0], [of.seconds for of in costs]
    return (
        name,
        f"{one.parameters:,}",
        f"{one.generator_parameters:,}",
        _work(one.multiply_accumulates),
        number(_rounded(statistics.fmean(seconds))),
        f"{number(_rounded(min(seconds)))} to {number(_rounded(max(seconds)))}",
    )


def _work(multiply_accumulates: float) -> str:
    """Format a number of multiply-accumulates as recipes and budgets write it, such as ``3.9e9``."""
    if multiply_accumulates < 1e6:
        return number(multiply_accumulates)
    return f"{multiply_accumulates:.3g}".replace("e+0", "e").replace("e+", "e")


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _chart(facts: StudyFacts, costs: Sequence[Sequence[Cost]], name: str) -> Drawing | None:
    lines, rows, sentences = [], [], []
    names = short_names(facts.names, LONGEST_AT_END)
    for index, (title, of) in enumerate(zip(facts.names, costs, strict=True)):
        mean = summary_of(facts.result, index, name).mean
        if not of or mean is None or abs(mean) > LARGEST:
            continue
        work = of[0].multiply_accumulates
        lines.append(Line(names[index], Series((round(work),), (mean,))))
        rows.append((title, _work(work), number(mean)))
        sentences.append(f"{title}: {number(mean)} with {_work(work)} multiply-accumulates.")
    if not lines:
        return None
    floor = facts.result.floor(name)
    levels: tuple[Level, ...] = ()
    real = ""
    if floor is not None:
        real = f"; real images get {number(floor)}"
        levels = (Level("real images", floor),) if near([line.series.values[0] for line in lines], floor) else ()
    caption = "; ".join(filter(None, ("Means over seeds, by the work of a run", direction(facts.result, name)))) + real
    chart = Chart(shown(name), tuple(lines), levels, x="multiply-accumulates of a run", caption=f"{caption}. {_GOOD}")
    columns = ("variant", "multiply-accumulates", shown(name))
    table = Table(f"{shown(name)} by multiply-accumulates", columns, tuple(rows[:MOST_ROWS]), numeric=True)
    return replace(drawn(chart), description=" ".join(sentences[: 2 * MOST_LINES]), table=table)
