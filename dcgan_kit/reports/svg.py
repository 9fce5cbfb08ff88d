"""The SVG of Matplotlib → an ``<svg>`` element with the colours and fonts of the page, a title and a description."""

from __future__ import annotations

import re
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

INK, FAINT = "#010101", "#010102"
"""Placeholder colours of text and axes. They become the colours of the page, in light and dark mode."""
SERIES = tuple(f"#0102{number:02x}" for number in range(6))
"""Placeholder colours of lines. They become the page's colours of series."""

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
        source: the SVG from Matplotlib, with text kept as text.
        prefix: added before every id, because ids must be unique on the page.
        title: the title, for screen readers and as a tooltip.
        description: a description in sentences.
    """
    root = ElementTree.fromstring(source)
    # Remove metadata about the program, and style sheets, which would change the whole page.
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
