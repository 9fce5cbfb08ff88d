"""Image files without what does not decide about their pixels, for decoders that would stumble over it.

Profiles, texts, times and cameras' notes are written by programs without end, often wrongly. They are dropped only
where a file cannot be read with them, and of what tells the turn only if need be.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

PNG_MARK = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_COLOUR = 25
"""Where a PNG file says whether it is grey (0), in colours (2), or has a palette."""
_XMP_TEXT = b"XML:com.adobe.xmp\0\0"
"""Begins the PNG chunk with XMP, unpacked; a packed one may unpack to any size."""
_JPEG_PIXELS = (*range(0xC0, 0xD0), 0xDB, 0xDD, 0xE0, 0xEE)
"""Frames, tables, restart interval, JFIF, and Adobe's mark, which says how colours are stored."""
_STANDALONE = (0x01, *range(0xD0, 0xD9))
"""JPEG markers without a length."""
_TIFF_PIXELS = frozenset(
    [254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 301, 317]
) | frozenset([*range(320, 326), *range(330, 340), 347, *range(512, 522), *range(529, 533)])
"""TIFF 6.0: geometry, coding, colours, and 274, the turn."""

_AVIF_EXIF = re.compile(rb"(infe[\x02\x03].{3}(?:.{2}|.{4}).{2})Exif", re.DOTALL)
"""The entry of the list of items that says which one is EXIF: version, flags, number, protection, type."""

Strip = Callable[[bytes, bool], bytes]


def png_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return a PNG file of the chunks that make its pixels, and with ``turn`` those that may tell how it is turned."""
    kept, at = [PNG_MARK], len(PNG_MARK)
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        name, chunk = content[at + 4 : at + 8], content[at : at + 12 + length]
        at += 12 + length
        critical = name[:1].isupper()
        # As the specification has it: an ancillary chunk with a wrong checksum counts as absent.
        whole = len(chunk) == 12 + length and zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
        if name == b"tRNS":
            # Grey has one transparent level, of two bytes, and colour three.
            whole = whole and length >= {0: 2, 2: 6}.get(content[_PNG_COLOUR], 0)
        tells = name == b"eXIf" or (name == b"iTXt" and chunk[8:].startswith(_XMP_TEXT))
        if (critical or whole) and (name in _PNG_PIXELS or (turn and tells)):
            kept.append(chunk)
    return b"".join(kept)


def jpeg_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return a JPEG file of the segments that make its pixels, and with ``turn`` those of EXIF and XMP."""
    kept, at = [b"\xff\xd8"], 2
    while True:
        # As decoders do: what stands between segments is passed over.
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
    """Return a TIFF file whose first directory lists what makes its pixels, and with ``turn`` how it is turned.

    Raises:
        struct.error: the directory lies beyond the file's end.
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
    # Places in a TIFF file count from its start: the shorter directory comes to its end, and all else stays.
    padded = content + bytes(len(content) % 2)
    size = struct.calcsize(offset_code)
    directory = struct.pack(order + count_code, len(entries)) + b"".join(entries) + bytes(size)
    return padded[:header] + struct.pack(order + offset_code, len(padded)) + padded[header + size :] + directory


def avif_without_metadata(content: bytes, turn: bool) -> bytes:
    """Return an AVIF file whose EXIF is nobody's; how it is turned stands beside the pixels too."""
    return _AVIF_EXIF.sub(rb"\1free", content)


WITHOUT_METADATA: dict[str, Strip] = {
    "PNG": png_without_metadata,
    "JPEG": jpeg_without_metadata,
    "TIFF": tiff_without_metadata,
    "AVIF": avif_without_metadata,
}
"""By format: takes a file's content and whether to keep what tells the turn."""
