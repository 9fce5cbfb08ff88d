"""Matplotlib's SVG → an ``<svg>`` that belongs to a page: its colours, its fonts, a title and a description."""

from __future__ import annotations

import re
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

INK, FAINT = "#010101", "#010102"
"""Drawn in these, text and axes get the page's own colours, bright or dark."""
SERIES = tuple(f"#0102{number:02x}" for number in range(6))
"""Drawn in these, lines get the page's colours of series."""

_COLOURS = {INK: "currentColor", FAINT: "var(--faint)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)
}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FAMILY = re.compile(r"(font-family:|font:[^;']*?px)[^;]*")

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def belonging(source: str, prefix: str, title: str, description: str) -> str:
    """Return the ``<svg>`` element.

    Args:
        source: what Matplotlib wrote, text as text.
        prefix: goes before every id, as ids must differ through the page.
        title: for people who do not see it, and as a tooltip.
        description: what is drawn, in sentences.
    """
    root = ElementTree.fromstring(source)
    # What names the program; and a style sheet, which would hold for the whole page.
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for definitions in root.findall(f"{{{SVG}}}defs"):
        for style in definitions.findall(f"{{{SVG}}}style"):
            definitions.remove(style)
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            element.set(name, _belonging(name, value, prefix))
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-description")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}")
        element.set("id", f"{prefix}-{'title' if tag == 'title' else 'description'}")
        element.text = text
        root.insert(place, element)
    return ElementTree.tostring(root, encoding="unicode")


def _belonging(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == f"{{{XLINK}}}href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
    if name in ("style", "fill", "stroke"):
        for colour, own in _COLOURS.items():
            value = value.replace(colour, own)
        value = _FAMILY.sub(r"\1 system-ui, sans-serif", value)
    return value
