"""Pictures of how many kernel taps of an upsampling layer reach each pixel.

Odena, Dumoulin, Olah 2016, https://distill.pub/2016/deconv-checkerboard
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcgan_kit.reports.charts import number, svg_of, titled
from dcgan_kit.reports.content import Drawing, Table
from dcgan_kit.reports.svg import INK, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 8
"""Pixels per side of the picture; the pattern repeats."""
_CAPTION = (
    "Kernel taps that reach each pixel; darker is more. Good: the same number everywhere. Uneven layers draw a "
    "checkerboard."
)
_MEAN, _DARKEST = 0.2, 0.5
"""Opacity of a pixel with the mean number of taps, and the highest opacity at which its number stays readable."""


@dataclass(frozen=True)
class Overlap:
    """The overlap of an upsampling layer, away from the borders of its map.

    Attributes:
        layer: the name of the layer.
        description: its component, kernel and stride, as text.
        rows: number of taps that reach a pixel, for each phase of the stride along the height.
        columns: the same along the width.
    """

    layer: str
    description: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @property
    def factor(self) -> float:
        """The largest number of taps of a pixel over the smallest; 1 is even, infinite if a pixel has no tap."""
        fewest = min(self.rows) * min(self.columns)
        return math.inf if fewest == 0 else max(self.rows) * max(self.columns) / fewest


def overlap_drawing(overlap: Overlap, of: str = "") -> Drawing:
    """Draw a few pixels of a layer's map, each with its number of taps."""
    rows = [overlap.rows[i % len(overlap.rows)] for i in range(SHOWN)]
    columns = [overlap.columns[i % len(overlap.columns)] for i in range(SHOWN)]
    title = f"{of}{overlap.layer}"
    factor = "∞" if math.isinf(overlap.factor) else number(overlap.factor)
    verdict = "even" if overlap.factor == 1 else f"uneven by {factor}"

    def onto(figure: Figure) -> None:
        side = 0.72 * figure.get_figheight() / figure.get_figwidth()
        axes = figure.add_axes((0.0, 0.1, side, 0.72))
        _cells(figure, rows, columns)
        axes.set_axis_off()
        titled(figure, title)
        for line, text in enumerate((verdict, *overlap.description.split(", "))):
            figure.text(side + 0.06, 0.73 - 0.1 * line, text, fontsize=10, fontweight="bold" if not line else "normal")

    description = (
        f"{overlap.description}. Taps that reach a pixel, repeating along the height: {_listed(overlap.rows)}; "
        f"along the width: {_listed(overlap.columns)}; multiply both. The most are {factor} times the fewest."
    )
    heads = tuple(f"column {i % len(overlap.columns)}" for i in range(len(overlap.columns)))
    cells = tuple(
        (f"row {i}", *(f"{row * column}" for column in overlap.columns)) for i, row in enumerate(overlap.rows)
    )
    table = Table(f"{title}: taps that reach a pixel; the pattern repeats", ("", *heads), cells, numeric=True)
    return Drawing(svg_of(onto, height=2.3), f"{title}: {verdict}", description, _CAPTION, table)


def _cells(figure: Figure, rows: Sequence[int], columns: Sequence[int]) -> None:
    from matplotlib.patches import Rectangle

    axes = figure.axes[0]
    mean = sum(rows) * sum(columns) / (len(rows) * len(columns))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            count = row * column
            shade = min(_DARKEST, _MEAN * count / mean)
            axes.add_patch(Rectangle((x, y), 0.94, 0.94, facecolor=SERIES[0], alpha=shade, linewidth=0))
            axes.text(x + 0.5, y + 0.5, f"{count}", ha="center", va="center_baseline", color=INK, fontsize=9)
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0), aspect="equal")


def _listed(counts: Sequence[int]) -> str:
    return ", ".join(map(str, counts))
