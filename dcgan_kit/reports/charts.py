"""Numbers → charts. Lines differ by dash, marker and a name at their end, not only by colour."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dcgan_kit.reports.content import Drawing, Table
from dcgan_kit.reports.run_files import Series
from dcgan_kit.reports.svg import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 400
"""Most points of a line; a chart of this size has no pixels for more."""
MOST_ROWS = 25
"""Most rows in the table of a chart's numbers."""
MOST_LINES = 8
"""Most lines in one chart; the names of more would not fit."""

WIDTH, HEIGHT = 4.3, 2.75
"""Inches of 72 units. The page shows a chart at about this width, so that text keeps its size."""
_NAMES_FROM = 0.74
"""Where lines end and their names begin, as a share of the width."""
_FLAT = 1e-4
"""Smallest relative change of a number that is drawn as a change."""
_TALL = 0.7
"""Share of the height for lines; the title and the steps take the rest."""
_LONGEST_NAME = 16
_LONGEST_TITLE = 48
_LINE_HEIGHT = 12 / 72
"""Inches."""
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)), (0, (3, 1)), (0, (9, 3)))
_MARKERS = "os^Dvp"


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: its name.
        series: its points.
        band: the lowest and the highest values around it, at the same steps; None for no band.
    """

    name: str
    series: Series
    band: tuple[Series, Series] | None = None

    def thinned(self, most: int) -> Line:
        """Return the line with at most ``most`` points, and its band with it."""
        band = None if self.band is None else (self.band[0].thinned(most), self.band[1].thinned(most))
        return Line(self.name, self.series.thinned(most), band)

    @property
    def values(self) -> tuple[float, ...]:
        """All values that are drawn."""
        ends = () if self.band is None else (*self.band[0].values, *self.band[1].values)
        return (*self.series.values, *ends)


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with."""

    name: str
    value: float


@dataclass(frozen=True)
class Chart:
    """The content of a chart.

    Attributes:
        title: the title of the chart.
        lines: at least one line, each with at least one point.
        levels: horizontal lines to compare with.
        logarithmic: use a logarithmic axis; this applies only if all numbers are above 0.
        x: the name of the horizontal axis.
        caption: the text below the chart: what it shows, and what is good.
    """

    title: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()
    logarithmic: bool = False
    x: str = "step"
    caption: str = field(kw_only=True)


def drawn(chart: Chart) -> Drawing:
    """Draw a chart. If it has too many points or table rows, an even selection is shown."""
    lines = [line.thinned(MOST_POINTS) for line in chart.lines[:MOST_LINES]]

    def onto(figure: Figure) -> None:
        axes = figure.add_axes((0.13, 0.15, _NAMES_FROM - 0.13, _TALL))
        _lines(axes, lines, chart.levels)
        values = [value for line in lines for value in line.values] + [level.value for level in chart.levels]
        _furnish(axes, chart.logarithmic and min(values) > 0, chart.x)
        titled(figure, chart.title)
        _names_at_ends(axes, lines, chart.levels)

    left = len(chart.lines) - len(lines)
    more = f" {left} more lines are only in the table." if left > 0 else ""
    caption = f"{chart.caption}{more}"
    return Drawing(svg_of(onto), chart.title, described(chart), caption, numbers(chart))


def svg_of(onto: Callable[[Figure], None], height: float = HEIGHT) -> str:
    """Call a function that draws onto a figure in the style of the page. Return the figure as SVG."""
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(WIDTH, height), facecolor="none")
        onto(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def described(chart: Chart) -> str:
    """Describe a chart in sentences, for readers who cannot see it."""
    sentences = []
    for line in chart.lines:
        steps, values = line.series.steps, line.series.values
        low, high = line.series.best(False), line.series.best(True)
        sentences.append(
            f"{line.name}: {number(values[0])} at {chart.x} {steps[0]:,}, {number(values[-1])} at {chart.x} "
            f"{steps[-1]:,}; lowest {number(low[1])} at {low[0]:,}, highest {number(high[1])} at {high[0]:,}."
        )
    sentences.extend(f"Level {level.name}: {number(level.value)}." for level in chart.levels)
    return " ".join(sentences)


def numbers(chart: Chart) -> Table:
    """Return the numbers of a chart as a table, for an even selection of its steps."""
    every = sorted({step for line in chart.lines for step in line.series.steps})
    steps = Series(tuple(every), (0.0,) * len(every)).thinned(MOST_ROWS).steps
    points = [dict(zip(line.series.steps, line.series.values, strict=True)) for line in chart.lines]
    rows = tuple((f"{step:,}", *(number(one.get(step)) for one in points)) for step in steps)
    chosen = f", {len(rows)} of {len(every):,} {chart.x}s" if len(rows) < len(every) else ""
    caption = f"{chart.title}{chosen}"
    return Table(caption, (chart.x, *(line.name for line in chart.lines)), rows, numeric=True)


def number(value: float | None) -> str:
    """Format a number with few characters; ``–`` for None."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        # A name can contain a dollar sign, which would start a formula.
        "text.parse_math": False,
        # A fixed salt makes equal charts equal, byte by byte.
        "svg.hashsalt": "dcgan-kit",
        "font.size": 10.0,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "axes.facecolor": "none",
        "axes.axisbelow": True,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "grid.color": FAINT,
        "grid.alpha": 0.45,
        "grid.linewidth": 0.5,
    }
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Names can contain letters that Matplotlib's font lacks; the browser uses its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _lines(axes: Axes, lines: Sequence[Line], levels: Sequence[Level]) -> None:
    for index, line in enumerate(lines):
        if line.band is not None:
            low, high = line.band
            colour = SERIES[index % len(SERIES)]
            axes.fill_between(low.steps, low.values, high.values, color=colour, alpha=0.16, linewidth=0)
        axes.plot(
            line.series.steps,
            line.series.values,
            color=SERIES[index % len(SERIES)],
            linestyle=_DASHES[index % len(_DASHES)],
            linewidth=1.4,
            # A few markers on each line.
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=4,
            markevery=max(1, len(line.series.steps) // 6) if len(line.series.steps) > 1 else 1,
        )
    for level in levels:
        axes.axhline(level.value, color=INK, linewidth=1.0, linestyle=(0, (2, 2)))


def titled(figure: Figure, title: str) -> None:
    """Write the title of a drawing. A title that is too wide is cut."""
    short = title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
    figure.text(0.0, 0.98, short, fontsize=11, fontweight="bold", va="top")


def _furnish(axes: Axes, logarithmic: bool, x: str) -> None:
    from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if logarithmic:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        # With powers of ten only, a short axis could have no number at all.
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 300 else (1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", which="minor", length=0)
    else:
        low, high = axes.get_ylim()
        if high - low < _FLAT * max(abs(low), abs(high)):
            # Do not enlarge changes in the last digits of a constant.
            axes.set_ylim(low - 0.1 * abs(low), high + 0.1 * abs(high))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.10g}"))))
    axes.set_xlabel(x, labelpad=1, loc="left", fontsize=9)
    axes.grid(axis="y")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", which="major", length=0, labelsize=9)
    axes.tick_params(axis="x", length=3, labelsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _names_at_ends(axes: Axes, lines: Sequence[Line], levels: Sequence[Level]) -> None:
    """Write each name beside the end of its line. Names move up or down to avoid overlaps."""
    last: list[tuple[float, float]] = [(line.series.steps[-1], line.series.values[-1]) for line in lines]
    last += [(axes.get_xlim()[1], level.value) for level in levels]
    names = [line.name for line in lines] + [level.name for level in levels]
    colours = [SERIES[i % len(SERIES)] for i in range(len(lines))] + [INK] * len(levels)
    # Convert from data coordinates to shares of the width and height of the axes.
    ends = axes.transAxes.inverted().transform(axes.transData.transform(last))
    room = _LINE_HEIGHT / (_TALL * HEIGHT)
    places = _spread([float(y) for _, y in ends], room)
    for (x, y), place, name, colour in zip(ends, places, names, colours, strict=True):
        short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        leader = {"arrowstyle": "-", "color": colour, "alpha": 0.4, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 2}
        axes.annotate(
            short,
            (float(x), float(y)),
            (1.04, place),
            xycoords="axes fraction",
            color=colour,
            va="center_baseline",
            fontsize=9,
            annotation_clip=False,
            arrowprops=leader,
        )


def _spread(wanted: Sequence[float], room: float) -> list[float]:
    """Return places in 0 … 1 that are near the wanted ones and at least ``room`` apart."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    room = min(room, 1.0 / max(1, len(wanted) - 1))
    # Each place leaves room for all places above it, and stays ``room`` above the place below it.
    places = [0.0] * len(wanted)
    below = -room
    for rank, index in enumerate(order):
        highest = 1.0 - room * (len(order) - 1 - rank)
        places[index] = below = max(below + room, min(wanted[index], highest))
    return places
