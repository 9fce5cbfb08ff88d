"""A sign for each kind of component. Kinds differ by the form of their sign, not only by its colour."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from dcgan_kit.networks.network import JOIN
from dcgan_kit.reports.svg_canvas import Point, SvgCanvas

_RADIUS = 4.6
_Form = Callable[[SvgCanvas, Point, str], None]


def _polygon(corners: int, turn: float, inner: float = 1.0) -> _Form:
    """Return a form with so many corners; with ``inner``, a star whose inner corners are so far from its middle."""

    def draw(canvas: SvgCanvas, middle: Point, colour: str) -> None:
        count = corners if inner == 1.0 else 2 * corners
        radii = [_RADIUS * (inner if place % 2 and inner != 1.0 else 1.0) for place in range(count)]
        angles = [2 * pi * (place / count + turn) for place in range(count)]
        points = [(middle[0] + r * cos(a), middle[1] + r * sin(a)) for r, a in zip(radii, angles, strict=True)]
        canvas.area(points, colour, "none")

    return draw


def _disc(canvas: SvgCanvas, middle: Point, colour: str) -> None:
    canvas.circle(middle, 4.0, colour, "none")


def _ring(canvas: SvgCanvas, middle: Point, colour: str) -> None:
    canvas.circle(middle, 3.6, "none", colour)


def _sum(canvas: SvgCanvas, middle: Point, colour: str) -> None:
    (x, y), reach = middle, 4.6
    canvas.circle(middle, reach, "paper", colour)
    canvas.line([(x - reach, y), (x + reach, y)], colour)
    canvas.line([(x, y - reach), (x, y + reach)], colour)


_SQUARE = (_polygon(4, 1 / 8), "series-1")
SIGNS: dict[str, tuple[_Form, str]] = {
    "projection": _SQUARE,
    "convolution": _SQUARE,
    "head": _SQUARE,
    "upsample": (_polygon(3, 3 / 4), "series-2"),
    "downsample": (_polygon(3, 1 / 4), "series-2"),
    "normalization": (_polygon(4, 0.0), "series-4"),
    "activation": (_disc, "series-3"),
    "attention": (_polygon(5, 3 / 4, 0.42), "series-5"),
    "conditioning": (_polygon(6, 0.0), "series-5"),
    "regularizer": (_ring, "series-6"),
    JOIN: (_sum, "ink"),
}


def draw_symbol(canvas: SvgCanvas, kind: str, middle: Point) -> None:
    """Draw the sign of a kind around a point."""
    form, colour = SIGNS[kind]
    form(canvas, middle, colour)
