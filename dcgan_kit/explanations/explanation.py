"""What an explanation consists of: sentences, numbers and panels, which a terminal or a picture can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

POINTS = 9
"""Points of a curve that a text lists."""
BINS = 40
_NOTHING = 5e-7
_WHOLE = 1e7
_HEIGHTS = " ▁▂▃▄▅▆▇█"
Row = tuple[float | None, ...]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """Numbers in rows and columns.

    Attributes:
        title: what they are.
        rows: the numbers, row by row; None for a number that is not there yet.
        marked: the cells that a step is about, as (row, column).
    """

    title: str
    rows: tuple[Row, ...]
    marked: frozenset[Cell] = frozenset()

    def __str__(self) -> str:
        return "\n".join([self.title, *_aligned([[shown(value) for value in row] for row in self.rows])])


@dataclass(frozen=True)
class Curves:
    """Lines over one axis.

    Attributes:
        title: what they show.
        axis: the name of the horizontal axis.
        x: where the lines are known.
        lines: name → the value at each ``x``.
        shaded: intervals of ``x`` that are marked.
        shading: what the marked intervals are.
    """

    title: str
    axis: str
    x: tuple[float, ...]
    lines: Mapping[str, tuple[float, ...]]
    shaded: tuple[tuple[float, float], ...] = ()
    shading: str = ""

    def __str__(self) -> str:
        every = max(1, (len(self.x) - 1) // (POINTS - 1))
        rows = [[self.axis, *self.lines]]
        for index in range(0, len(self.x), every):
            rows.append([shown(value) for value in (self.x[index], *(line[index] for line in self.lines.values()))])
        return "\n".join([self.title, *_aligned(rows)])


@dataclass(frozen=True)
class Histogram:
    """How values are distributed.

    Attributes:
        title: what they are.
        axis: the name of the horizontal axis.
        values: name → values.
    """

    title: str
    axis: str
    values: Mapping[str, tuple[float, ...]]

    def __str__(self) -> str:
        low, high = self.reach
        lines = [f"{self.title} ({self.axis} from {shown(low)} to {shown(high)})"]
        for name, values in self.values.items():
            counts = [0] * BINS
            for value in filter(math.isfinite, values):
                counts[min(BINS - 1, int(BINS * (value - low) / (high - low)))] += 1
            bars = "".join(_HEIGHTS[round((len(_HEIGHTS) - 1) * count / (max(counts) or 1))] for count in counts)
            lines.append(f"  |{bars}| {name}")
        return "\n".join(lines)

    @property
    def reach(self) -> tuple[float, float]:
        """The lowest and the highest value of all; a little more if all are equal."""
        every = [value for values in self.values.values() for value in values if math.isfinite(value)] or [0.0]
        low, high = min(every), max(every)
        return (low, high) if high > low else (low - 0.5, high + 0.5)


@dataclass(frozen=True)
class Picture:
    """An image.

    Attributes:
        title: what it shows.
        pixels: float array in [0, 1]: (H, W) or (H, W, 3).
    """

    title: str
    pixels: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        return ""


Panel = Grid | Curves | Histogram | Picture


@dataclass(frozen=True)
class Step:
    """One step of an example.

    Attributes:
        text: what happens, in one line.
        panels: what it looks like.
    """

    text: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Explanation:
    """A worked example of a component.

    Attributes:
        kind: the kind of the component.
        name: its name.
        owner: the plugin that offers it.
        options: its options, as a recipe writes them.
        chosen: those options that differ from their defaults, in words; empty if none does.
        summary: what it does, in one line.
        panels: the whole example at a glance.
        steps: the example step by step; empty if it has no steps.
        sentences: what can be seen in it.
        facts: the numbers of the example, for programs.
    """

    kind: str
    name: str
    owner: str
    options: Mapping[str, Any]
    chosen: str
    summary: str
    panels: tuple[Panel, ...]
    steps: tuple[Step, ...] = ()
    sentences: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The component with the options that differ from their defaults: ``upsample nearest (factor 3)``."""
        return f"{self.kind} {self.name}{f' ({self.chosen})' if self.chosen else ''}"

    @property
    def has_pictures(self) -> bool:
        """Whether some panels are images, which the text leaves out."""
        return any(isinstance(panel, Picture) for panel in self.panels)

    def __str__(self) -> str:
        parts = [f"{self.title}\n{self.summary}", *map(str, self.panels)]
        parts.append("\n".join(f"{number}. {step.text}" for number, step in enumerate(self.steps, start=1)))
        parts.append("\n".join(self.sentences))
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True)
class Example:
    """What the example of one kind gives; see ``Explanation``."""

    panels: tuple[Panel, ...]
    steps: tuple[Step, ...] = ()
    sentences: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def rows_of(array: Any) -> tuple[Row, ...]:
    """Return an array (H, W) as rows of numbers."""
    return tuple(tuple(float(value) for value in row) for row in array)


def partly(array: Any, there: Any) -> tuple[Row, ...]:
    """Return an array (H, W) as rows of numbers, with None where ``there`` (H, W) is False."""
    rows = zip(array, there, strict=True)
    return tuple(tuple(float(value) if known else None for value, known in zip(*row, strict=True)) for row in rows)


def numbers(values: Any) -> tuple[float, ...]:
    """Return the numbers of an array of any shape, in order."""
    return tuple(float(value) for value in values.ravel())


def shown(value: float | None) -> str:
    """Return a number as examples write it: whole, or with four digits; a dot for one that is not there."""
    if value is None:
        return "."
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if abs(value) <= _NOTHING:
        return "0"
    # A whole number is written in full, so that a reader can check sums.
    return f"{value:.0f}" if value == round(value) and abs(value) < _WHOLE else f"{value:.4g}"


def finite(data: Any) -> Any:
    """Return the data of facts with None in place of numbers that JSON cannot hold."""
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
