"""Which files are images: by their first bytes, whatever they are called.

A format is read if its files are pixels, begin with a mark of their own, and Pillow decodes them by itself. So nothing
runs another program (EPS: Ghostscript), draws (PDF, WMF, SVG), or is taken for an image because no other decoder wanted
it (TGA has no mark). A decoder sees no byte of a file that does not bear its mark.
"""

from __future__ import annotations

import os
import re

HEAD = 32
"""Bytes that tell a format."""
_MARKS = (
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("WEBP", rb"RIFF....WEBP"),
    ("GIF", rb"GIF8[79]a"),
    ("TIFF", rb"II[*+]\0|MM\0[*+]"),
    # Two reserved numbers follow the size; "BM" alone begins many a text.
    ("BMP", rb"BM....\0\0\0\0"),
    ("AVIF", rb"....ftyp(?:avif|avis|mif1|msf1)"),
    ("JPEG2000", rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
    ("PPM", rb"P[1-6]\s+[#\d]"),
    ("QOI", rb"qoif"),
    ("PSD", rb"8BPS\0\x01"),
    ("ICO", rb"\0\0\x01\0[^\0]\0"),
    ("DDS", rb"DDS \x7c\0\0\0"),
    ("PCX", rb"\n\x05\x01[\x01\x02\x04\x08]"),
    ("SGI", rb"\x01\xda[\0\x01][\x01\x02]"),
    ("SUN", rb"\x59\xa6\x6a\x95"),
)
_PATTERNS = tuple((name, re.compile(mark, re.DOTALL)) for name, mark in _MARKS)
FORMATS = tuple(name for name, _ in _MARKS)
"""The formats that are read, as Pillow calls them."""

_READ = (
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .avif .jp2 .j2k .jpf .jpx .j2c "
    ".pbm .pgm .ppm .pnm .qoi .psd .ico .dds .pcx .sgi .rgb .bw .ras"
)
_UNREAD = ".heic .heif .jxl .tga .exr .icns"
SUFFIXES = frozenset((_READ + " " + _UNREAD).split())
"""Names that end so claim to be images: what cannot be read then is broken, and not something else."""


def image_format(head: bytes) -> str | None:
    """Return the format of an image, one of ``FORMATS``, by the first ``HEAD`` bytes of its file; None: no image."""
    return next((name for name, pattern in _PATTERNS if pattern.match(head)), None)


def claims_image(name: str) -> bool:
    """Whether a file's name says that it is an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES
