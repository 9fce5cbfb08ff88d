"""Maps as boxes to scale: upright edges are heights, slanted ones widths, level ones channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from dcgan_kit.components.kinds import Shape
from dcgan_kit.reports.svg_canvas import Point, SvgCanvas

TALLEST, THICKEST = 92.0, 76.0
"""Pixels of the longest side and of the most channels."""
SLANT = (0.36, -0.26)
"""Where an edge of one pixel goes that leads away from the reader."""
BEHIND = (5.0, -5.0)
"""Where the outline of further copies lies."""


@dataclass(frozen=True)
class MapScale:
    """The scale of all boxes of a picture: edges are as the square roots of what they stand for.

    Attributes:
        side: largest height or width.
        channels: most channels.
    """

    side: int
    channels: int

    @staticmethod
    def of(shapes: Sequence[Shape]) -> MapScale:
        """Return the scale in which the largest of these shapes fits."""
        maps = [as_map(shape) for shape in shapes]
        return MapScale(max(max(shape[:2]) for shape in maps), max(shape[2] for shape in maps))

    def of_side(self, side: int) -> float:
        """Return the length of an edge that stands for a height or width."""
        return TALLEST * sqrt(side / self.side)

    def of_channels(self, channels: int) -> float:
        """Return the length of an edge that stands for channels."""
        return THICKEST * sqrt(channels / self.channels)


@dataclass(frozen=True)
class MapBox:
    """A map as a box.

    Attributes:
        height: pixels of its upright edges.
        thickness: pixels of its level edges.
        depth: how far its slanted edges go.
    """

    height: float
    thickness: float
    depth: Point

    @staticmethod
    def of(shape: Shape, scale: MapScale) -> MapBox:
        """Return the box of a map (H, W, C); a vector (N,) is a map of one pixel."""
        height, width, channels = as_map(shape)
        edge = scale.of_side(width)
        return MapBox(scale.of_side(height), scale.of_channels(channels), (SLANT[0] * edge, SLANT[1] * edge))

    @property
    def width(self) -> float:
        """Pixels that it takes from left to right."""
        return self.thickness + self.depth[0]

    @property
    def rise(self) -> float:
        """Pixels that it takes from bottom to top."""
        return self.height - self.depth[1]

    def draw(self, canvas: SvgCanvas, middle: Point, colour: str, copies: int = 1) -> None:
        """Draw it around a point; behind it an outline if there are several copies."""
        left, top = middle[0] - self.width / 2, middle[1] - self.rise / 2 - self.depth[1]
        if copies > 1:
            self._faces(canvas, (left + BEHIND[0], top + BEHIND[1]), colour, (0.0, 0.0, 0.0))
        self._faces(canvas, (left, top), colour, (0.30, 0.16, 0.52))

    def _faces(self, canvas: SvgCanvas, corner: Point, colour: str, opacities: tuple[float, float, float]) -> None:
        (x, y), (dx, dy) = corner, self.depth
        right, bottom = x + self.thickness, y + self.height
        front = [(x, y), (right, y), (right, bottom), (x, bottom)]
        top = [(x, y), (x + dx, y + dy), (right + dx, y + dy), (right, y)]
        side = [(right, y), (right + dx, y + dy), (right + dx, bottom + dy), (right, bottom)]
        for face, opacity in zip((front, top, side), opacities, strict=True):
            canvas.area(face, "paper", colour)
            canvas.area(face, colour, colour, opacity)


def as_map(shape: Shape) -> tuple[int, int, int]:
    """Return a shape as (H, W, C); a vector is a map of one pixel."""
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, shape[0])
