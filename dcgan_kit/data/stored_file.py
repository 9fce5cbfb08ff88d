"""What the header of an image file says about how it stores its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

BITS = 258
"""TIFF's tag with the bits of each channel."""
_KINDS = {
    "1": "black and white", "L": "grey", "LA": "grey", "La": "grey", "P": "palette", "PA": "palette", "RGB": "colour",
    "RGBA": "colour", "RGBa": "colour", "RGBX": "colour", "YCbCr": "colour", "CMYK": "CMYK", "HSV": "colour",
}  # fmt: skip
_ANIMATED = frozenset(("GIF", "PNG", "WEBP", "AVIF"))


@dataclass(frozen=True)
class StoredFile:
    """How a file stores an image.

    Attributes:
        format: ``PNG``, ``JPEG``, …
        kind: ``grey``, ``colour``, ``palette``, ``black and white`` or ``CMYK``, with "and transparency" where there is
            some, and the number of bits where a channel has more than 8.
        bits: of each channel; 1 for black and white, else 8 or more.
        several: whether it has more frames or pages than the first.
        turned: whether its metadata say that the image must be turned or mirrored.
    """

    format: str
    kind: str
    bits: int
    several: bool
    turned: bool


def stored_file(opened: Image.Image, name: str, raw: str, turned: bool) -> StoredFile:
    """Return what the header of an opened image says; ``raw`` is Pillow's raw mode."""
    bits = _bits(opened, raw)
    kind = "grey" if opened.mode.startswith("I") or raw.startswith("LA") else _KINDS.get(opened.mode, opened.mode)
    clear = " and transparency" if raw.startswith("LA") or opened.has_transparency_data else ""
    deep = f", {bits} bits" if bits > 8 else ""
    return StoredFile(name, f"{kind}{clear}{deep}", bits, _has_several(opened, name), turned)


def _bits(opened: Image.Image, raw: str) -> int:
    if opened.mode == "1":
        return 1
    stated: Any = getattr(opened, "tag_v2", {}).get(BITS)
    if stated:
        return max(8, *map(int, stated if isinstance(stated, tuple) else (stated,)))
    tiles = getattr(opened, "tile", None)
    largest = tiles[0][3][1] if opened.format == "PPM" and tiles and isinstance(tiles[0][3], tuple) else 0
    if isinstance(largest, int) and largest > 255:
        return int(largest).bit_length()
    return 16 if opened.mode.startswith("I") or ";16" in raw else 8


def _has_several(opened: Image.Image, name: str) -> bool:
    """Return whether there is a second frame or page. Pillow may fail on the metadata about it."""
    try:
        if name == "TIFF":
            return bool(opened.tag_v2.next)
        return name in _ANIMATED and bool(getattr(opened, "is_animated", False))
    except Exception:
        return False
