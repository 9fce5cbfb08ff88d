"""A drawing of lines, areas and texts as one SVG file, in the colours of the report.

Colours are attributes, which every program that shows SVG knows. A style sheet replaces them in dark mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from xml.etree import ElementTree

from dcgan_kit.reports.palette import palette
from dcgan_kit.reports.svg import SVG

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
Point = tuple[float, float]
_SHORT = {"fill": "f", "stroke": "s"}


class SvgCanvas:
    """A drawing. Lengths are CSS pixels, with y downwards. Colours are names of the palette."""

    def __init__(self) -> None:
        self.root = ElementTree.Element(f"{{{SVG}}}svg", {"role": "img", "font-family": FONTS})
        self._used: set[tuple[str, str]] = set()

    def text(
        self,
        at: Point,
        text: str,
        size: float,
        colour: str = "ink",
        *,
        anchor: Literal["start", "middle", "end"] = "start",
        bold: bool = False,
    ) -> None:
        """Write one line of text; ``at`` is on its baseline."""
        weight = {"font-weight": "bold"} if bold else {}
        found = self._add("text", fill=colour, x=at[0], y=at[1])
        found.attrib.update({"font-size": f"{size:g}", "text-anchor": anchor, **weight})
        found.text = text

    def area(self, points: Sequence[Point], fill: str, stroke: str, opacity: float = 1.0) -> None:
        """Draw a polygon; ``opacity`` is that of its inside."""
        found = self._add("polygon", fill=fill, stroke=stroke)
        found.set("points", " ".join(f"{_number(x)},{_number(y)}" for x, y in points))
        found.set("stroke-linejoin", "round")
        if opacity != 1.0:
            found.set("fill-opacity", f"{opacity:g}")

    def box(self, at: Point, width: float, height: float, fill: str, stroke: str = "none", radius: float = 0.0) -> None:
        """Draw a rectangle; ``at`` is its left upper corner."""
        self._add("rect", fill=fill, stroke=stroke, x=at[0], y=at[1], width=width, height=height, rx=radius)

    def circle(self, at: Point, radius: float, fill: str, stroke: str) -> None:
        """Draw a circle."""
        self._add("circle", fill=fill, stroke=stroke, cx=at[0], cy=at[1], r=radius)

    def line(self, points: Sequence[Point], colour: str = "faint", width: float = 1.2) -> None:
        """Draw a line through points."""
        found = self._add("polyline", fill="none", stroke=colour)
        found.set("points", " ".join(f"{_number(x)},{_number(y)}" for x, y in points))
        found.set("stroke-width", f"{width:g}")

    def arrow(self, points: Sequence[Point], colour: str = "faint") -> None:
        """Draw a line through points that ends in an arrowhead. Its last part must be horizontal or vertical."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        self.line([*points[:-1], (x - 4 * dx, y - 4 * dy)], colour)
        sides = [(x - 6 * dx + 3.2 * dy * side, y - 6 * dy + 3.2 * dx * side) for side in (1, -1)]
        self.area([(x, y), *sides], colour, "none")

    def finished(self, width: float, height: float, title: str, description: str) -> str:
        """Return the file, with a background in the colour of paper.

        Args:
            width: width of the drawing.
            height: height of the drawing.
            title: the title, for screen readers and as a tooltip.
            description: a description in sentences.
        """
        paper = self._element("rect", fill="paper", width=width, height=height)
        heads = [ElementTree.Element(f"{{{SVG}}}{tag}", id=f"networks-{tag}") for tag in ("title", "desc")]
        style = ElementTree.Element(f"{{{SVG}}}style")
        heads[0].text, heads[1].text, style.text = title, description, self._dark()
        self.root[:0] = [*heads, style, paper]
        size = {
            "width": _number(width),
            "height": _number(height),
            "viewBox": f"0 0 {_number(width)} {_number(height)}",
        }
        self.root.attrib.update({**size, "aria-labelledby": "networks-title networks-desc"})
        ElementTree.indent(self.root, " ")
        return f"{ElementTree.tostring(self.root, encoding='unicode')}\n"

    def _add(self, tag: str, **attributes: float | str) -> ElementTree.Element:
        found = self._element(tag, **attributes)
        self.root.append(found)
        return found

    def _element(self, tag: str, **attributes: float | str) -> ElementTree.Element:
        found = ElementTree.Element(f"{{{SVG}}}{tag}")
        colours = {name: value for name, value in attributes.items() if isinstance(value, str) and value != "none"}
        if colours:
            self._used.update(colours.items())
            found.set("class", " ".join(f"{_SHORT[name]}-{colour}" for name, colour in colours.items()))
        for name, value in {**attributes, **{name: palette().light[each] for name, each in colours.items()}}.items():
            found.set(name, value if isinstance(value, str) else _number(value))
        return found

    def _dark(self) -> str:
        dark = palette().dark
        rules = "".join(f".{_SHORT[name]}-{colour}{{{name}:{dark[colour]}}}" for name, colour in sorted(self._used))
        return f"@media (prefers-color-scheme: dark){{{rules}}}"


def _number(value: float) -> str:
    """Return a length with at most two digits after the point: more would be noise."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
