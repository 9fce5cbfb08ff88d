"""Both networks of a recipe as one SVG: maps to scale, what each stage does, branches, side inputs, parameters."""

from __future__ import annotations

from collections.abc import Sequence

from dcgan_kit.components.kinds import Shape
from dcgan_kit.errors import printable
from dcgan_kit.networks.network import Networks
from dcgan_kit.networks.part_builder import times
from dcgan_kit.networks.summary import summarize
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.reports.map_box import BEHIND, MapScale
from dcgan_kit.reports.network_stages import Stage, StagedNetwork, staged
from dcgan_kit.reports.picture_legend import draw_legend
from dcgan_kit.reports.stage_column import StageColumn
from dcgan_kit.reports.svg_canvas import SvgCanvas
from dcgan_kit.reports.text_width import cut

MARGIN = 28.0
WIDEST = 1100.0
"""Pixels of a line of stages; further stages go into the next line. On a page of a thesis, text is then readable."""
NARROWEST = 620.0
"""Pixels that the legend needs."""
_BETWEEN = 30.0
"""Pixels between two stages."""
_COLOURS = {"generator": "series-1", "discriminator": "series-2"}
_TITLE, _ROLE, _TEXT = 19.0, 15.0, 11.5
"""Font sizes."""


def network_picture(recipe: ResolvedRecipe, networks: Networks, unfold: bool = False) -> str:
    """Draw both networks of a recipe. Equal recipes give equal bytes.

    Args:
        recipe: the recipe.
        networks: its networks, built or symbolic.
        unfold: draw each copy of a repeated stage, instead of one for copies that are alike.

    Returns:
        An SVG file: no scripts, no references, colours for light and dark mode.
    """
    both = [
        staged(network, summarize(network), plan, unfold)
        for network, plan in ((networks.generator, recipe.generator), (networks.discriminator, recipe.discriminator))
    ]
    scale = MapScale.of([shape for network in both for shape in _shapes(network)])
    drawings = [_NetworkDrawing(network, scale) for network in both]
    width = max(NARROWEST, *(drawing.width for drawing in drawings))
    canvas = SvgCanvas()
    name = printable(recipe.name).replace("\n", " ")
    canvas.text((MARGIN, MARGIN + 16.0), cut(name, width, _TITLE, bold=True), _TITLE, bold=True)
    bottom = MARGIN + 10.0
    for drawing in drawings:
        bottom = drawing.draw(canvas, bottom + 44.0)
    bottom = draw_legend(canvas, both, scale, (MARGIN, bottom + 30.0), width)
    description = " ".join(map(_described, both))
    return canvas.finished(width + 2 * MARGIN, bottom + MARGIN, f"The networks of {name}", description)


def _shapes(network: StagedNetwork) -> list[Shape]:
    return [network.input_shape, *(stage.shape for stage in network.stages)]


def _described(network: StagedNetwork) -> str:
    stages = " ".join(stage.sentence() for stage in network.stages)
    return f"{network.role.capitalize()}, {network.size}. From {network.input} {times(network.input_shape)}. {stages}"


class _NetworkDrawing:
    """The drawing of one network: lines of columns, with arrows between them."""

    def __init__(self, network: StagedNetwork, scale: MapScale) -> None:
        self.network = network
        colour = _COLOURS[network.role]
        given = StageColumn(Stage(network.input, 1, network.input_shape, ()), scale, "series-6")
        columns = [given, *(StageColumn(stage, scale, colour) for stage in network.stages)]
        self.lines = _balanced(columns)

    @property
    def width(self) -> float:
        return max(map(_length, self.lines))

    def draw(self, canvas: SvgCanvas, top: float) -> float:
        """Draw it below a height; return the height of its end."""
        canvas.text((MARGIN, top), self.network.role.capitalize(), _ROLE, bold=True)
        canvas.text((MARGIN, top + 17.0), self.network.size, _TEXT, "soft")
        top += 30.0
        for number, line in enumerate(self.lines):
            top = self._line(canvas, line, top, number > 0, number < len(self.lines) - 1) + 30.0
        return top - 30.0

    def _line(
        self, canvas: SvgCanvas, line: Sequence[StageColumn], top: float, from_previous: bool, to_next: bool
    ) -> float:
        rise = max(column.box.rise for column in line) + 2 * BEHIND[0]
        axis = top + rise / 2
        text = top + rise + 6.0
        flow = text + max(column.head for column in line) + 10.0
        left, end = MARGIN, MARGIN if from_previous else None
        if from_previous:
            left += _BETWEEN
        for column in line:
            column.draw(canvas, left, axis, text, flow)
            start = left + (column.width - column.box.width) / 2
            if end is not None:
                canvas.arrow([(end, axis), (start - 5.0, axis)])
            end = start + column.box.width + (BEHIND[0] if column.stage.copies > 1 else 0.0) + 5.0
            left += column.width + _BETWEEN
        if to_next and end is not None:
            canvas.arrow([(end, axis), (left, axis)])
        return flow + max(column.flow_height for column in line)


def _length(line: Sequence[StageColumn]) -> float:
    return sum(column.width + _BETWEEN for column in line) + _BETWEEN


def _balanced(columns: Sequence[StageColumn]) -> list[list[StageColumn]]:
    """Return as few lines of columns as fit, of nearly equal lengths."""
    best, limit = _broken(columns, WIDEST), WIDEST
    while len(tighter := _broken(columns, limit)) <= len(best) and limit > 0:
        best, limit = tighter, limit - 10.0
    return best


def _broken(columns: Sequence[StageColumn], limit: float) -> list[list[StageColumn]]:
    lines: list[list[StageColumn]] = [[]]
    for column in columns:
        if lines[-1] and _length([*lines[-1], column]) > limit:
            lines.append([])
        lines[-1].append(column)
    return lines
