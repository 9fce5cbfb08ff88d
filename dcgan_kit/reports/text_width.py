"""How wide a text is at most, without asking for a font: the reader's browser chooses one."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

# Shares of the font size. DejaVu Sans is the widest font among the usual sans-serif fonts, so its widths are limits.
_CLASSES = (
    (0.30, "ijlIJ'"),
    (0.37, "f ,.:;/\\|-"),
    (0.42, "rt!()[]"),
    (0.54, "csz*_?"),
    (1.0, "mMWOQ@%"),
    (0.85, "wNGDHU#+<=>^~&"),
)
_WIDTHS = {character: width for width, characters in _CLASSES for character in characters}
_SMALL, _CAPITAL, _OTHER = 0.645, 0.78, 1.05
_BOLD = 1.12


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return an upper limit of the width of a text.

    Args:
        text: one line.
        size: font size; the width has the same unit.
        bold: whether the font is bold.
    """
    return sum(map(_width, text)) * size * (_BOLD if bold else 1.0)


def cut(text: str, width: float, size: float, bold: bool = False) -> str:
    """Return a text that is at most so wide; a longer text ends in ``…``."""
    if text_width(text, size, bold) <= width:
        return text
    ends = accumulate(text_width(character, size, bold) for character in f"…{text}")
    return text[: max(0, sum(end <= width for end in ends) - 1)] + "…"


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Return the lines of a text that is broken between words. A word that is too wide is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(cut(word, width, size))
    return lines


def _width(character: str) -> float:
    if character in _WIDTHS:
        return _WIDTHS[character]
    if unicodedata.combining(character):
        return 0.0
    if character.isascii():
        return _CAPITAL if character.isupper() else _SMALL
    return _OTHER
