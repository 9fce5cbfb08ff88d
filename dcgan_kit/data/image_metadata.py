"""Remove metadata from image files, for decoders that fail on it.

Many programs write profiles, texts, times and camera notes, often wrongly. Metadata is removed only if a file cannot be
read with it. The metadata about the orientation is removed only if the file still cannot be read.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

PNG_MARK = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_COLOUR = 25
"""Offset of the byte of a PNG file that says whether it is grey (0), in colour (2), or has a palette."""
_XMP_TEXT = b"XML:com.adobe.xmp\0\0"
"""Beginning of a PNG chunk with uncompressed XMP. Compressed XMP is dropped, because it may unpack to any size."""
_JPEG_PIXELS = (*range(0xC0, 0xD0), 0xDB, 0xDD, 0xE0, 0xEE)
"""Frames, tables, restart interval, JFIF, and Adobe's marker, which says how colours are stored."""
_STANDALONE = (0x01, *range(0xD0, 0xD9))
"""JPEG markers without a length."""
_TIFF_PIXELS = frozenset(
    [254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 301, 317]
) | frozenset([*range(320, 326), *range(330, 340), 347, *range(512, 522), *range(529, 533)])
"""Tags of TIFF 6.0 for geometry, coding and colours, and 274, the orientation."""

_AVIF_EXIF = re.compile(rb"(infe[\x02\x03].{3}(?:.{2}|.{4}).{2})Exif", re.DOTALL)
"""The entry of the item list that marks the EXIF item: version, flags, number, protection, type."""

Strip = Callable[[bytes, bool], bytes]


def png_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return a PNG file with only the chunks for its pixels and, with ``turn``, those for its orientation."""
    kept, at = [PNG_MARK], len(PNG_MARK)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        name, chunk = content[at + 4 : at + 8], content[at : at + 12 + length]
        at += 12 + length
        critical = name[:1].isupper()
        # By the specification, an ancillary chunk with a wrong checksum counts as absent.
        whole = len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
        if name == b"tRNS":
            # Grey has one transparent level, colour has three; each level has two bytes.
            whole = whole and length >= {0: 2, 2: 6}.get(content[_PNG_COLOUR], 0)
        has_orientation = name == b"eXIf" or (name == b"iTXt" and chunk[8:].startswith(_XMP_TEXT))
        if (critical or whole) and (name in _PNG_PIXELS or (turn and has_orientation)):
            kept.append(chunk)
    return b"".join(kept)


def jpeg_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return a JPEG file with only the segments for its pixels and, with ``turn``, those of EXIF and XMP."""
    kept, at = [b"\xff\xd8"], 2
    while True:
        # Skip bytes between segments, as decoders do.
        at = content.find(b"\xff", at)
        if at < 0 or at + 4 > len(content):
            return b"".join(kept)
        marker = content[at + 1]
        if marker in (0x00, 0xFF):
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker == 0xDA:
            return b"".join([*kept, content[at:]])
        else:
            (length,) = struct.unpack_from(">H", content, at + 2)
            if marker in _JPEG_PIXELS or (turn and marker == 0xE1):
                kept.append(content[at : at + 2 + length])
            at += 2 + length


def tiff_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return a TIFF file whose first directory has only the tags for its pixels and, with ``turn``, its orientation.

    Raises:
        struct.error: the directory is beyond the end of the file.
    """
    order = "<" if content.startswith(b"II") else ">"
    big = struct.unpack_from(f"{order}H", content, 2)[0] == 43
    count_code, offset_code, entry_size = ("Q", "Q", 20) if big else ("H", "I", 12)
    header = 8 if big else 4
    (start,) = struct.unpack_from(order + offset_code, content, header)
    (count,) = struct.unpack_from(order + count_code, content, start)
    first = start + struct.calcsize(count_code)
    entries = []
    for number in range(count):
        (tag,) = struct.unpack_from(f"{order}H", content, first + number * entry_size)
        if tag in _TIFF_PIXELS and (turn or tag != 274):
            entries.append(content[first + number * entry_size : first + (number + 1) * entry_size])
    # The shorter directory takes the place of the old one. At the end, it would make a file that is cut off seem whole.
    directory = struct.pack(order + count_code, len(entries)) + b"".join(entries) + bytes(struct.calcsize(offset_code))
    return content[:start] + directory + content[start + len(directory) :]


def avif_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return an AVIF file whose EXIF item is disabled. The file also stores its orientation outside of EXIF."""
    return _AVIF_EXIF.sub(rb"\1free", content)


WITHOUT_METADATA: dict[str, Strip] = {
    "PNG": png_without_metadata,
    "JPEG": jpeg_without_metadata,
    "TIFF": tiff_without_metadata,
    "AVIF": avif_without_metadata,
}
"""By format: a function of a file's content and of whether to keep the metadata about its orientation."""
