"""The legend of a drawing of networks: the scale of its boxes, and the signs of the kinds that occur."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dcgan_kit.reports.kind_symbols import SIGNS, draw_symbol
from dcgan_kit.reports.map_box import MapScale
from dcgan_kit.reports.network_stages import StagedNetwork, Step
from dcgan_kit.reports.svg_canvas import Point, SvgCanvas
from dcgan_kit.reports.text_width import text_width, wrapped

_TEXT, _LINE = 11.0, 16.0
_SCALE = 250.0
"""Pixels of width for the scale."""
_SIDES = {"class": "the class of the image", "latent": "the latent vector"}
_EXAMPLES = 4
"""Most edges that the scale shows of each sort."""


def draw_legend(
    canvas: SvgCanvas, networks: Sequence[StagedNetwork], scale: MapScale, corner: Point, width: float
) -> float:
    """Draw the legend below a line; return the height of its end.

    Args:
        canvas: where to.
        networks: the networks of the drawing.
        scale: the scale of the drawing.
        corner: its left upper corner.
        width: pixels that it may take.
    """
    (x, y) = corner
    canvas.line([(x, y), (x + width, y)], "rule", 1.0)
    steps = [step for network in networks for stage in network.stages for step in stage.all_steps]
    left = x + _SCALE
    bottom = _signs(canvas, steps, (left, y + 24.0), x + width) + 6.0
    for line in wrapped(_words(networks, steps), x + width - left, _TEXT):
        canvas.text((left, bottom + _LINE), line, _TEXT, "soft")
        bottom += _LINE
    return max(bottom, _scale(canvas, scale, (x, y + 20.0)))


def _words(networks: Sequence[StagedNetwork], steps: Sequence[Step]) -> str:
    text = (
        "Each box is the map that a stage returns, written height x width x channels. Edges grow with the square root: "
        "upright for the height, slanted and shortened for the width, level for the channels. Below it is what the "
        "stage does, from top to bottom."
    )
    if any(stage.join for network in networks for stage in network.stages):
        text += " The line around a stage is its shortcut."
    if any(stage.copies > 1 for network in networks for stage in network.stages):
        text += " x 2: two equal copies in a row."
    sides = [text for side, text in _SIDES.items() if any(side in step.sides for step in steps)]
    if sides:
        text += f" An arrow from the left: the step also takes {' or '.join(sides)}."
    return text


def _signs(canvas: SvgCanvas, steps: Sequence[Step], corner: Point, right: float) -> float:
    """Draw the signs of the kinds that occur, in lines; return the baseline of the last line."""
    x, y = corner
    found = {step.kind for step in steps}
    for _, alike in groupby((kind for kind in SIGNS if kind in found), lambda kind: SIGNS[kind]):
        kinds = list(alike)
        text = ", ".join(kinds)
        width = 14.0 + text_width(text, _TEXT)
        if x > corner[0] and x + width > right:
            x, y = corner[0], y + _LINE
        draw_symbol(canvas, kinds[0], (x + 5.0, y - 4.0))
        canvas.text((x + 14.0, y), text, _TEXT)
        x += width + 14.0
    return y


def _scale(canvas: SvgCanvas, scale: MapScale, corner: Point) -> float:
    """Draw edges of some heights and channels, with their numbers; return the height of their end."""
    x, top = corner
    sides, channels = _quarters(scale.side), _quarters(scale.channels)
    floor = top + scale.of_side(sides[-1])
    for side in sides:
        canvas.line([(x + 1.0, floor), (x + 1.0, floor - scale.of_side(side))], "soft", 2.0)
        canvas.text((x, floor + 14.0), str(side), _TEXT, "soft")
        x += text_width(str(side), _TEXT) + 9.0
    canvas.text((corner[0], floor + 14.0 + _LINE), "height", _TEXT, "soft")
    x = corner[0] + 112.0
    for place, count in enumerate(channels):
        y = top + 8.0 + place * _LINE
        canvas.line([(x, y), (x + scale.of_channels(count), y)], "soft", 2.0)
        canvas.text((x + scale.of_channels(count) + 6.0, y + 4.0), str(count), _TEXT, "soft")
    canvas.text((x, top + 12.0 + len(channels) * _LINE), "channels", _TEXT, "soft")
    return max(floor + 14.0 + _LINE, top + 12.0 + len(channels) * _LINE)


def _quarters(most: int) -> list[int]:
    """Return a number, its quarter, the quarter of that and so on, smallest first."""
    found = [most // 4**power for power in range(_EXAMPLES)]
    return [number for number in reversed(found) if number]
