"""One stage as a column: the map that it returns, its name, and below what it does, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.errors import counted
from dcgan_kit.networks.part_builder import times
from dcgan_kit.reports.kind_symbols import draw_symbol
from dcgan_kit.reports.map_box import BEHIND, MapBox, MapScale
from dcgan_kit.reports.network_stages import Stage, Step
from dcgan_kit.reports.svg_canvas import Point, SvgCanvas
from dcgan_kit.reports.text_width import cut, text_width

NAME, TEXT, SMALL = 12.5, 11.5, 10.5
"""Font sizes."""
_LINE = 15.0
_CHIP, _GAP = 20.0, 8.0
"""Height of a step, and what is between two."""
_BEFORE_TEXT = 21.0
"""Pixels of a step for its symbol."""
_LONGEST = 190.0
"""Widest text of a step."""
_LANES = 20.0
"""Pixels between the two ways through a stage."""
_SIDE, _REACH = 44.0, 14.0
"""Width of the name of a side input, and of its arrow."""


@dataclass(frozen=True)
class _Lane:
    """One way through a stage: its steps, one below the other, and the join that ends it."""

    steps: Sequence[Step]
    join: Step | None = None

    @property
    def sides(self) -> float:
        """Pixels on its left for side inputs."""
        return _SIDE + _REACH if any(step.sides for step in self.steps) else 0.0

    @property
    def chip(self) -> float:
        """Width of its steps."""
        steps = [*self.steps, *([] if self.join is None else [self.join])]
        return max((_BEFORE_TEXT + text_width(_shown(step), TEXT) + 7.0 for step in steps), default=0.0)

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.sides + self.chip

    @property
    def middle(self) -> float:
        """How far the middle of its steps is from its left end."""
        return self.sides + self.chip / 2

    @property
    def height(self) -> float:
        """Pixels from its start to the end of its last step, without the join."""
        return sum(_GAP + _height(step) for step in self.steps)

    def draw(self, canvas: SvgCanvas, left: float, top: float) -> None:
        """Draw its steps, without the join."""
        for step in self.steps:
            top += _GAP
            _chip(canvas, step, (left + self.sides, top), self.chip)
            top += _height(step)


class StageColumn:
    """The column of a stage.

    Args:
        stage: the stage.
        scale: the scale of the picture.
        colour: the colour of its map.
    """

    def __init__(self, stage: Stage, scale: MapScale, colour: str) -> None:
        self.stage, self.colour, self.box = stage, colour, MapBox.of(stage.shape, scale)
        self._main = _Lane(stage.steps, stage.join)
        self._short = None if stage.shortcut is None else _Lane(stage.shortcut)
        self._lines = [(stage.name if stage.copies == 1 else f"{stage.name} x {stage.copies}", NAME, "ink", True)]
        self._lines.append((times(stage.shape), TEXT, "ink", False))
        if stage.all_steps:
            many = "" if stage.copies == 1 else f"{stage.copies} x "
            self._lines.append((f"{many}{counted(stage.parameters, 'parameter')}", SMALL, "soft", False))
        if stage.constraint:
            self._lines.append((cut(f"constraint {stage.constraint}", _LONGEST, SMALL), SMALL, "soft", False))

    @property
    def width(self) -> float:
        """Pixels that it takes from left to right."""
        texts = max(text_width(text, size, bold) for text, size, _, bold in self._lines)
        return max(self.box.width + (2 * BEHIND[0] if self.stage.copies > 1 else 0.0), texts, self._flow)

    @property
    def head(self) -> float:
        """Pixels of its lines of text."""
        return _LINE * len(self._lines)

    @property
    def flow_height(self) -> float:
        """Pixels of its steps."""
        return self._join_at + _CHIP if self.stage.join else self._main.height

    @property
    def _join_at(self) -> float:
        """How far its join is below the start of its steps."""
        return max(self._main.height, _GAP + self._short.height if self._short else 0.0) + _GAP

    @property
    def _flow(self) -> float:
        return self._main.width + (_LANES + self._short.width if self._short else 0.0)

    def draw(self, canvas: SvgCanvas, left: float, axis: float, text: float, flow: float) -> None:
        """Draw it.

        Args:
            canvas: where to.
            left: its left end.
            axis: height of the middle of its map.
            text: height where its lines of text begin.
            flow: height where its steps begin.
        """
        middle = left + self.width / 2
        self.box.draw(canvas, (middle, axis), self.colour, self.stage.copies)
        for number, (line, size, colour, bold) in enumerate(self._lines, start=1):
            canvas.text((middle, text + number * _LINE - 4.0), line, size, colour, anchor="middle", bold=bold)
        if self.stage.all_steps:
            self._draw_flow(canvas, middle - self._flow / 2, flow)

    def _draw_flow(self, canvas: SvgCanvas, left: float, top: float) -> None:
        main, join = self._main, self.stage.join
        start = (left + main.middle, top)
        canvas.line([start, (start[0], top + (self._join_at if join else main.height))])
        canvas.circle(start, 2.6, "faint", "none")
        main.draw(canvas, left, top)
        if join and self._short:
            _chip(canvas, join, (left + main.sides, top + self._join_at), main.chip)
            self._draw_shortcut(canvas, self._short, start, left + main.width)

    def _draw_shortcut(self, canvas: SvgCanvas, short: _Lane, start: Point, end: float) -> None:
        """Draw the way from the start of the steps around to the join, whose right end is at ``end``."""
        left, y = end + _LANES, start[1] + self._join_at + _CHIP / 2
        x = left + short.middle
        canvas.arrow([start, (x, start[1]), (x, y), (end, y)])
        short.draw(canvas, left, start[1] + _GAP)


def _shown(step: Step) -> str:
    return cut(step.text, _LONGEST, TEXT)


def _height(step: Step) -> float:
    return _CHIP * max(1, len(step.sides))


def _chip(canvas: SvgCanvas, step: Step, corner: Point, width: float) -> None:
    x, y = corner
    for number, side in enumerate(step.sides):
        middle = y + (number + 0.5) * _CHIP
        canvas.box((x - _SIDE - _REACH, middle - 8.0), _SIDE, 16.0, "paper", "soft", 8.0)
        canvas.text((x - _REACH - _SIDE / 2, middle + 3.6), side, SMALL, "ink", anchor="middle")
        canvas.arrow([(x - _REACH, middle), (x, middle)], "soft")
    canvas.box(corner, width, _height(step), "panel", "faint", 3.0)
    middle = y + _height(step) / 2
    draw_symbol(canvas, step.kind, (x + 11.0, middle))
    canvas.text((x + _BEFORE_TEXT, middle + 4.0), _shown(step), TEXT)
