"""A chart of runs: a row of dots for each variant, its mean with an interval, and lines between equal seeds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcgan_kit.reports.charts import MOST_ROWS, number, svg_of, titled
from dcgan_kit.reports.content import Drawing, Table
from dcgan_kit.reports.pictures import evenly
from dcgan_kit.reports.run_files import LARGEST
from dcgan_kit.reports.study_facts import cut
from dcgan_kit.reports.svg import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DRAWN = 12
"""Most variants in a chart."""
MOST_DOTS = 100
"""Most dots in a row, and most lines between rows."""
FAR = 3.0
"""A level this many times the range of values away from them is far."""
LOGARITHMIC_FROM = 30.0
"""If the largest value over the smallest one is above this ratio, the axis is logarithmic."""

_ROW, _TOP, _BOTTOM = 0.5, 0.58, 0.3
"""Inches: the height of a row, of the title with the names of marks, and of the axis."""
_NAMES = 0.31
"""Share of the width for the names of rows."""
_NAME_LINE, _NAME_LINES = 19, 3
"""Characters of a line of a name, and lines of a name."""
_BELOW = 0.27
"""How far the mean is below its dots, in rows."""


@dataclass(frozen=True)
class DotRow:
    """A row of the chart.

    Attributes:
        name: the name of the variant.
        values: its values by seed.
        mean: their mean, or None.
        low: lower end of the interval of the mean, or None.
        high: its upper end, or None.
    """

    name: str
    values: Mapping[int, float]
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Mark:
    """A vertical line to compare with."""

    name: str
    value: float


def dot_chart(
    title: str, heading: str, rows: Sequence[DotRow], marks: Sequence[Mark], *, joined: bool, caption: str
) -> Drawing:
    """Draw rows of dots.

    Args:
        title: the title of the chart.
        heading: the text above the dots.
        rows: at least one row; at most 12 are readable.
        marks: vertical lines. Beside one that is far from all dots, an arrow points to it instead.
        joined: whether a line joins the dots of each seed.
        caption: the text below the chart.
    """
    height = _TOP + _BOTTOM + _ROW * len(rows)

    def onto(figure: Figure) -> None:
        axes = figure.add_axes((_NAMES, _BOTTOM / height, 0.97 - _NAMES, _ROW * len(rows) / height))
        axes.set_ylim(len(rows), 0)
        if joined:
            _join(axes, rows)
        for place, row in enumerate(rows):
            _row(axes, place, row)
        _furnish(axes, rows, marks)
        titled(figure, heading)

    seeds = {seed for row in rows for seed in row.values}
    part = f" {MOST_DOTS} of {len(seeds):,} seeds, evenly chosen, are drawn." if len(seeds) > MOST_DOTS else ""
    return Drawing(svg_of(onto, height), title, described(rows, marks), f"{caption}{part}", _table(title, rows))


def near(values: Sequence[float], level: float) -> bool:
    """Whether a level is so near to values that their differences stay visible beside it."""
    if not values or abs(level) >= LARGEST:
        return False
    low, high = min(values), max(values)
    return low == high or low - FAR * (high - low) <= level <= high + FAR * (high - low)


def described(rows: Sequence[DotRow], marks: Sequence[Mark]) -> str:
    """Describe a chart in sentences, for readers who cannot see it."""
    sentences = []
    for row in rows:
        if not row.values:
            sentences.append(f"{row.name}: no run.")
            continue
        interval = "" if row.low is None else f", interval {number(row.low)} to {number(row.high)}"
        ends = f"lowest {number(min(row.values.values()))}, highest {number(max(row.values.values()))}"
        sentences.append(f"{row.name}: mean {number(row.mean)}{interval}; {ends}.")
    sentences.extend(f"{mark.name}: {number(mark.value)}." for mark in marks)
    return " ".join(sentences)


def _table(title: str, rows: Sequence[DotRow]) -> Table:
    every = sorted({seed for row in rows for seed in row.values})
    seeds = evenly(every, MOST_ROWS)
    cells = tuple((str(seed), *(number(row.values.get(seed)) for row in rows)) for seed in seeds)
    part = f", {len(seeds)} of {len(every):,} seeds" if len(seeds) < len(every) else ""
    return Table(f"{title}{part}", ("seed", *(row.name for row in rows)), cells, numeric=True)


def _drawn(row: DotRow) -> dict[int, float]:
    """Return the values that are drawn: an even selection of those that an axis can hold."""
    return {seed: row.values[seed] for seed in evenly(sorted(row.values), MOST_DOTS) if abs(row.values[seed]) < LARGEST}


def _join(axes: Axes, rows: Sequence[DotRow]) -> None:
    drawn = [_drawn(row) for row in rows]
    for seed in sorted({seed for row in drawn for seed in row}):
        points = [(row[seed], place + 0.5) for place, row in enumerate(drawn) if seed in row]
        axes.plot(*zip(*points, strict=True), color=FAINT, linewidth=0.7, alpha=0.8, zorder=1)


def _row(axes: Axes, place: int, row: DotRow) -> None:
    values = list(_drawn(row).values())
    axes.plot(values, [place + 0.5] * len(values), "o", color=SERIES[0], markersize=4.5, alpha=0.85, zorder=3)
    if row.mean is not None and abs(row.mean) < LARGEST:
        level = place + 0.5 + _BELOW
        ends = [end for end in (row.low, row.high) if end is not None and abs(end) < LARGEST]
        axes.plot(ends, [level] * len(ends), "|-", color=INK, linewidth=1.2, markersize=6, zorder=2)
        axes.plot([row.mean], [level], "D", color=INK, markersize=4, zorder=4)
    lines = textwrap.wrap(row.name, _NAME_LINE, break_on_hyphens=False) or [""]
    if len(lines) > _NAME_LINES:
        lines = [*lines[: _NAME_LINES - 1], cut(" ".join(lines[_NAME_LINES - 1 :]), _NAME_LINE)]
    left = -_NAMES / (0.97 - _NAMES)
    where = axes.get_yaxis_transform()
    axes.text(left, place + 0.5, "\n".join(lines), fontsize=9, va="center", linespacing=1.1, transform=where)


def _furnish(axes: Axes, rows: Sequence[DotRow], marks: Sequence[Mark]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    values = [value for row in rows for value in _drawn(row).values()]
    drawn = [mark for mark in marks if near(values, mark.value)]
    far = [mark for mark in marks if mark not in drawn]
    for mark in drawn:
        values.append(mark.value)
        axes.axvline(mark.value, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=0)
    if values and min(values) > 0 and max(values) / min(values) > LOGARITHMIC_FROM:
        axes.set_xscale("log")
        wide = max(values) / min(values) > 300
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        largest = max(map(abs, values), default=0.0)
        if not values or max(values) - min(values) <= 1e-9 * largest:
            # Equal values have no scale of their own.
            centre, around = (values[0] if values else 0.0), 0.1 * largest or 1.0
            axes.set_xlim(centre - around, centre + around)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.10g}"))))
    axes.margins(x=0.06)
    axes.grid(axis="x")
    for place in range(1, len(rows)):
        axes.axhline(place, color=FAINT, linewidth=0.4, alpha=0.45, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    axes.tick_params(axis="x", which="major", length=3, labelsize=9)
    for mark in drawn:
        share = float(axes.transAxes.inverted().transform(axes.transData.transform((mark.value, 0.0)))[0])
        side = "left" if share < 0.25 else "right" if share > 0.75 else "center"
        _name(axes, mark.name, share, side)
    for mark in far:
        if values and mark.value < min(values):
            _name(axes, f"← {mark.name}: {number(mark.value)}", 0.0, "left")
        elif values:
            _name(axes, f"{mark.name}: {number(mark.value)} →", 1.0, "right")


def _name(axes: Axes, text: str, share: float, side: str) -> None:
    """Write the name of a mark above the dots."""
    axes.annotate(
        text, (share, 1.0), xycoords="axes fraction", xytext=(0, 3), textcoords="offset points", ha=side, fontsize=9
    )
