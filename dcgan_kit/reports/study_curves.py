"""Curves of the trainings of a study: for each variant the mean over its seeds, with a band around it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dcgan_kit.reports.charts import Chart, Level, Line, drawn
from dcgan_kit.reports.content import Block, Drawings, Paragraph, Section
from dcgan_kit.reports.facts import RunFacts
from dcgan_kit.reports.metric_names import is_score
from dcgan_kit.reports.run_files import Series, shown
from dcgan_kit.reports.score_captions import score_caption
from dcgan_kit.reports.scores import floor_of, short
from dcgan_kit.reports.study_facts import LONGEST_AT_END, StudyFacts, curve_names, short_names
from dcgan_kit.reports.svg import SERIES

IN_A_CHART = len(SERIES)
"""Variants of one chart: as many as there are colours, each with a dash and a marker of its own."""
MOST_DRAWN = 21
"""Most variants with curves: four charts, each with the reference and five others."""
MOST_CHARTS = 40
_TITLES = {
    "generator_loss": "Losses: generator",
    "discriminator_loss": "Losses: discriminator",
    "penalty": "Losses: penalty",
}

_CAPTIONS = {
    "generator_loss": "What the generator minimizes. Good: level, within a narrow band of seeds. Growth without limit "
    "says that the discriminator has won.",
    "discriminator_loss": "What the discriminator minimizes. Good: level, within a narrow band of seeds. At 0, the "
    "discriminator has won.",
    "penalty": "What regularizers add to the discriminator’s loss. Good: level. Spikes are unsteady training.",
}


def curves(facts: StudyFacts) -> Section:
    """Return the section of curves: losses, and the scores that were measured during training."""
    names = short_names(facts.names, LONGEST_AT_END)
    of = {
        index: [run for (variant, _), run in sorted(facts.runs.items(), key=lambda item: item[0]) if variant == index]
        for index in range(min(len(facts.names), MOST_DRAWN))
    }
    charts: list[Chart] = []
    for name in curve_names([run.metrics for runs in of.values() for run in runs]):
        lines = [line for index, runs in of.items() if (line := _line(names[index], runs, name)) is not None]
        if name == "penalty" and not any(value for line in lines for value in line.values):
            continue
        levels = _levels([run for runs in of.values() for run in runs], name)
        title = _TITLES.get(name, shown(short(name)))
        caption = f"{score_caption(short(name))} {name}." if is_score(name) else _CAPTIONS[name]
        charts.extend(Chart(title, part, levels, caption=caption) for part in _parts(lines))
    if not charts:
        text = "There are no curves: no run folder that was read holds `metrics.jsonl` with losses or scores."
        return Section("curves", "Curves", "", (Paragraph(text, "missing"),))
    blocks: list[Block] = [Drawings("", tuple(map(drawn, charts[:MOST_CHARTS])))]
    if len(charts) > MOST_CHARTS:
        blocks.append(Paragraph(f"The first {MOST_CHARTS} of {len(charts)} charts are shown."))
    if len(facts.names) > MOST_DRAWN:
        blocks.append(Paragraph(f"The first {MOST_DRAWN} of {len(facts.names):,} variants have curves."))
    lead = (
        "Lines are means over the seeds of a variant; bands reach from the lowest to the highest seed. A run that "
        "stopped early counts in the steps that it has. A falling loss says little about samples."
    )
    return Section("curves", "Curves", lead, tuple(blocks))


def _line(name: str, runs: Sequence[RunFacts], number: str) -> Line | None:
    """Return the mean of a number over runs, with the band; None if no run has it."""
    values: dict[int, list[float]] = {}
    for run in runs:
        series = run.metrics.series.get(number, Series())
        for step, value in zip(series.steps, series.values, strict=True):
            values.setdefault(step, []).append(value)
    if not values:
        return None
    steps = tuple(sorted(values))
    mean, low, high = (Series(steps, tuple(of(values[step]) for step in steps)) for of in (statistics.fmean, min, max))
    return Line(name, mean, (low, high) if len(runs) > 1 else None)


def _parts(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    """Divide lines among charts, so that each chart has the reference and a few others."""
    if len(lines) <= IN_A_CHART:
        return [tuple(lines)] if lines else []
    others = IN_A_CHART - 1
    return [(lines[0], *lines[start : start + others]) for start in range(1, len(lines), others)]


def _levels(runs: Sequence[RunFacts], name: str) -> tuple[Level, ...]:
    floors = [floor for run in runs if is_score(name) and (floor := floor_of(run, name)) is not None]
    return (Level("real images", statistics.fmean(floors)),) if floors else ()
