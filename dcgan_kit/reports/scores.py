"""Scores: their curves during training with their floors, and the last evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from shlex import quote

from dcgan_kit.reports.charts import Chart, Level, Line, drawn, number
from dcgan_kit.reports.content import Block, Drawings, Paragraph, Section, Table
from dcgan_kit.reports.facts import Evaluation, RunFacts, Scored
from dcgan_kit.reports.metric_names import FLOOR, is_score
from dcgan_kit.reports.score_captions import score_caption

LOGARITHMIC_FROM = 30.0
"""If the largest value of a score over the smallest one is above this ratio, the axis is logarithmic."""
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "floor": "nearer to real images is better"}
"""What a score says of its values, in words."""


def score_keys(runs: Sequence[RunFacts]) -> tuple[str, ...]:
    """Return the keys of all scores in the metrics. A key has its protocol in brackets: ``fd[extractor@1a2b,…]``."""
    return tuple(sorted({name for run in runs for name in run.metrics.series if is_score(name)}))


def short(key: str) -> str:
    """Return the name of a score without its protocol."""
    return key.partition("[")[0]


def floor_of(run: RunFacts, key: str) -> float | None:
    """Return the floor of a score; None if it is unknown."""
    series = run.metrics.series.get(f"{FLOOR}{key}")
    if series is not None:
        return series.values[-1]
    numbers = run.evaluation.numbers if run.evaluation else ()
    return next((one.floor for one in numbers if one.key == key), None)


def better_of(run: RunFacts, key: str) -> str:
    """Return ``lower``, ``higher``, ``floor`` or ``neither``; empty if the run does not say it."""
    numbers = run.evaluation.numbers if run.evaluation else ()
    better = run.better.get(short(key)) or next((one.better for one in numbers if one.number == short(key)), "")
    if not better and run.recipe.get("training.best.metric") == short(key):
        return "higher" if run.recipe.get("training.best.mode") == "highest" else "lower"
    return better


def over_time(runs: Sequence[RunFacts]) -> Section:
    """Return the section with a chart of each score. Numbers with different protocols are never in one chart."""
    charts = []
    for key in score_keys(runs):
        lines = [Line(run.label, run.metrics.series[key]) for run in runs if key in run.metrics.series]
        floors = {run.label: floor for run in runs if (floor := floor_of(run, key)) is not None}
        if len(runs) == 1:
            lines = [Line("samples", lines[0].series)]
        # Runs on the same data have the same floor, which needs only one line.
        same = len({number(floor) for floor in floors.values()}) == 1
        levels = [Level("real images" if same else f"real, {label}", floor) for label, floor in floors.items()]
        better = next((one for run in runs if (one := better_of(run, key))), "")
        measured = "; ".join(filter(None, (key, DIRECTIONS.get(better))))
        caption = f"{score_caption(short(key), better)} {measured}."
        levels = levels[:1] if same else levels
        charts.append(Chart(short(key), tuple(lines), tuple(levels), _spans_much(lines), caption=caption))
    blocks: list[Block] = [Drawings("", tuple(map(drawn, charts)))] if charts else [_none_over_time()]
    lead = "How near samples come to real images. The dotted line is the score of other real images."
    return Section("scores", "Scores over time", lead if charts else "", tuple(blocks))


def evaluation(runs: Sequence[RunFacts]) -> Section:
    """Return the section of the scores that ``dcgan-kit evaluate`` wrote, with their protocols."""
    blocks: list[Block] = []
    for run in runs:
        found = run.evaluation
        if found is None:
            command = f"dcgan-kit evaluate {quote(str(run.path))}"
            text = f"{run.label} was not evaluated: `{command}` scores its newest checkpoint."
            blocks.append(Paragraph(text, "missing"))
            continue
        # ``best`` and ``raw`` are True or False; show their names only if they are True.
        texts = {"True": "", "False": None}
        of = ", ".join(f"{n} {texts.get(v, v)}".strip() for n, v in found.of.items() if texts.get(v, v) is not None)
        rows = tuple((n.number, number(n.value), number(n.floor), DIRECTIONS.get(n.better, "–")) for n in found.numbers)
        columns = ("score", "samples", "real images", "")
        blocks.append(Table(f"{run.label}: scores{f' of {of}' if of else ''}", columns, rows, numeric=True))
        if found.judges:
            blocks.append(_judges(run.label, found))
        if found.classes:
            blocks.append(_classes(run.label, found))
        protocol = _protocol(found.numbers)
        if protocol:
            blocks.append(Table(f"{run.label}: how they were computed", ("", "value"), protocol))
        blocks.extend(Paragraph(note) for note in found.notes)
    return Section("evaluation", "Evaluation", "", tuple(blocks))


def _judges(label: str, found: Evaluation) -> Table:
    """Return the table of the judges: each number beside that of real images, and how many times that the first is."""
    rows = [
        (judge.title, one.number, number(one.value), number(one.floor), _times(one) if one is judge.numbers[0] else "")
        for judge in found.judges
        for one in judge.numbers
    ]
    return Table(
        f"{label}: judges", ("judge", "number", "samples", "real images", "times real"), tuple(rows), numeric=True
    )


def _times(one: Scored) -> str:
    """Return the value as a multiple of that of real images; empty if this says nothing."""
    if one.value is None or one.floor is None or one.floor <= 0.0:
        return ""
    return number(one.value / one.floor)


def _classes(label: str, found: Evaluation) -> Table:
    """Return the table of the classes: for each number, the samples and real images in their place."""
    known = {one.number: one for scored in found.classes for one in scored.numbers}
    names = [name for name, one in known.items() if one.better != "neither"]
    rows = [
        (one.title, number(one.samples), number(one.references), *_of_class(one.numbers, names))
        for one in found.classes
    ]
    columns = ("class", "samples", "reference", *(text for name in names for text in (name, f"{name}, real")))
    return Table(f"{label}: scores of each class, with 95 % intervals in brackets", columns, tuple(rows), numeric=True)


def _of_class(numbers: Sequence[Scored], names: Sequence[str]) -> list[str]:
    values = {one.number: (one.value, one.floor) for one in numbers}
    none = None, None
    cells = []
    for name in names:
        for value, low, high in zip(*(values.get(f"{name}{end}", none) for end in ("", "_low", "_high")), strict=True):
            interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
            cells.append(f"{number(value)}{interval}")
    return cells


def _protocol(numbers: Sequence[Scored]) -> tuple[tuple[str, str], ...]:
    """Return each key of the protocols with its value. If scores differ in it, each value names its scores."""
    rows = []
    for key in dict.fromkeys(key for one in numbers for key in one.protocol):
        owners: dict[str, list[str]] = defaultdict(list)
        for one in numbers:
            owners[one.protocol.get(key) or "–"].append(one.number)
        text = "; ".join(
            f"{value} ({', '.join(names)})" if len(owners) > 1 else value for value, names in owners.items()
        )
        rows.append((key, text))
    return tuple(rows)


def _spans_much(lines: Sequence[Line]) -> bool:
    """Whether a score changes so much that small values could not be distinguished on a linear axis."""
    values = [value for line in lines for value in line.series.values]
    return min(values) > 0 and max(values) / min(values) > LOGARITHMIC_FROM


def _none_over_time() -> Paragraph:
    return Paragraph(
        "There are no scores: `training.evaluation.scores` in the recipe, such as `[frechet]`, computes scores of "
        "samples every `training.evaluation.every` steps.",
        "missing",
    )
