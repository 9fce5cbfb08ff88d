"""Recognize images by their first bytes, whatever their names.

A format is supported if its files contain pixels, begin with a signature, and Pillow decodes them alone. So no format
is supported that runs another program (EPS: Ghostscript), that draws (PDF, WMF, SVG), or that has no signature (TGA).
A decoder receives only files with its own signature.
"""

from __future__ import annotations

import os
import re

HEAD = 32
"""Number of first bytes that show the format."""
_MARKS = (
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("WEBP", rb"RIFF....WEBP"),
    ("GIF", rb"GIF8[79]a"),
    ("TIFF", rb"II[*+]\0|MM\0[*+]"),
    # Two reserved numbers follow the size. "BM" alone is not enough, because a text may begin with it.
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
"""The supported formats, by Pillow's names."""

_READ = (
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .avif .jp2 .j2k .jpf .jpx .j2c "
    ".pbm .pgm .ppm .pnm .qoi .psd .ico .dds .pcx .sgi .rgb .bw .ras"
)
_UNREAD = ".heic .heif .jxl .tga .exr .icns"
SUFFIXES = frozenset((_READ + " " + _UNREAD).split())
"""Suffixes of image names. A file with one of them that cannot be read is reported as a broken image."""


def image_format(head: bytes) -> str | None:
    """Return the format, one of ``FORMATS``, from the first ``HEAD`` bytes of a file; None if it is no image."""
    return next((name for name, pattern in _PATTERNS if pattern.match(head)), None)


def claims_image(name: str) -> bool:
    """Return whether a file's name has the suffix of an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES
