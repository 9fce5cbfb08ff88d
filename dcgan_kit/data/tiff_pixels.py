"""Which pixels of a TIFF file are read. TIFF can store numbers of any kind, and Pillow reads some of them wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

BITS, COMPRESSION, SAMPLES, PLANES, NUMBERS = 258, 259, 277, 284, 339
"""Tags: bits of each channel, compression, channels, how channels are stored, and of which kind the numbers are."""
SIGNED, FLOATING = 2, 3
"""Values of the tag ``NUMBERS``."""
SEPARATE, UNCOMPRESSED = 2, 1
"""Values of the tags ``PLANES`` and ``COMPRESSION``."""
NO_WHITE = "and the file does not say which is white: convert it to 8 or 16 bits"
OTHER_FILE = "save it with LZW or Deflate, or as PNG"


class UnreadPixels(Exception):
    """The first directory says that the pixels are of a kind that is not read; the message says which."""


def require_readable(tags: Mapping[int, Any]) -> None:
    """Check the first directory of a TIFF file.

    Raises:
        UnreadPixels: Pillow would fail, or return other pixels than the file has.
    """
    from PIL import TiffImagePlugin

    compression = tags.get(COMPRESSION, UNCOMPRESSED)
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        raise UnreadPixels(f"its compression, number {compression}, is not read: {OTHER_FILE}")
    bits, kinds = _numbers(tags, BITS), _numbers(tags, NUMBERS)
    if FLOATING in kinds:
        raise UnreadPixels(f"its pixels are floating-point numbers, {NO_WHITE}")
    if SIGNED in kinds:
        raise UnreadPixels(f"its pixels are signed numbers, {NO_WHITE}")
    if max(bits) > 16:
        raise UnreadPixels(f"its pixels are {max(bits)}-bit numbers, {NO_WHITE}")
    separate = tags.get(PLANES) == SEPARATE and tags.get(SAMPLES, 1) > 1
    if separate and max(bits) > 8 and compression == UNCOMPRESSED:
        # Pillow 13.0 takes each byte of such a plane for a pixel.
        raise UnreadPixels(
            "its colours are planes of 16 bits without compression: save it with LZW or Deflate, or as PNG"
        )


def _numbers(tags: Mapping[int, Any], tag: int) -> tuple[int, ...]:
    value = tags.get(tag, (1,))
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int)) or (1,)


@cache
def tiff_reader() -> Any:
    """Return Pillow's class for TIFF files, with two changes.

    It refuses pixels that it would read wrongly. It does not turn the image: that would read all tags, and raise an
    error at invalid ones.
    """
    from PIL import TiffImagePlugin

    class Tiff(TiffImagePlugin.TiffImageFile):  # type: ignore[misc]
        """Reads a TIFF file as it is stored."""

        def _setup(self) -> None:
            require_readable(self.tag_v2)
            try:
                super()._setup()
            except SyntaxError as error:
                if str(error) != "unknown pixel mode":
                    raise
                raise UnreadPixels(
                    f"its kind of pixels is not read ({_described(self.tag_v2)}): save it as PNG"
                ) from error

        def load_end(self) -> None:
            """Do not turn the image."""

    return Tiff


def _described(tags: Mapping[int, Any]) -> str:
    return f"{tags.get(SAMPLES, 1)} channels of {max(_numbers(tags, BITS))} bits, photometric {tags.get(262)}"
