"""Every kind of pixel that a TIFF can store is read as it is, or left out with a reason; none is clipped."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import DataError
from dcgan_kit.data.image_file import decoded_image

LEVELS = np.array([[0, 257, 0x1234, 0xFFFF]], np.uint16)
COLOURS = np.stack([LEVELS, LEVELS[:, ::-1], LEVELS], 2)
UINT, INT, FLOAT = 1, 2, 3
WHITE_IS_0, GREY, RGB = 0, 1, 2
DEFLATE = 8


def tiff(array, order="<", numbers=UINT, colours=GREY, planes=1, extra=(), compression=1):
    """A TIFF with one strip, or one for each plane."""
    height, width, channels = array.shape if array.ndim == 3 else (*array.shape, 1)
    stored = np.moveaxis(array, 2, 0) if planes == 2 else array
    ordered = stored.astype(array.dtype.newbyteorder(order))
    parts = [plane.tobytes() for plane in ordered] if planes == 2 else [ordered.tobytes()]
    if compression == DEFLATE:
        parts = [zlib.compress(part) for part in parts]
    strips, sizes = len(parts), [len(part) for part in parts]
    tags = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [array.dtype.itemsize * 8] * channels),
        259: ("H", [compression]), 262: ("H", [colours]), 273: ("I", [0] * strips), 277: ("H", [channels]),
        278: ("I", [height]), 279: ("I", sizes), 284: ("H", [planes]),
        **({338: ("H", extra)} if extra else {}), 339: ("H", [numbers] * channels),
    }  # fmt: skip
    after = 8 + 2 + 12 * len(tags) + 4
    long = {tag: struct.calcsize(f"{order}{len(v)}{code}") for tag, (code, v) in tags.items()}
    begin = after + sum(length for length in long.values() if length > 4)
    tags[273] = ("I", [begin + sum(sizes[:number]) for number in range(strips)])
    entries, beside = b"", b""
    for tag, (code, values) in tags.items():
        content = struct.pack(f"{order}{len(values)}{code}", *values)
        entries += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[code], len(values))
        if len(content) > 4:
            entries += struct.pack(f"{order}I", after + len(beside))
            beside += content
        else:
            entries += content.ljust(4, b"\0")
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return mark + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4) + beside + b"".join(parts)


def decoded(content):
    return decoded_image(io.BytesIO(content))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("array", "options", "mode"),
    [
        (LEVELS, {}, "L"),
        (COLOURS, {"colours": RGB}, "RGB"),
        (np.dstack([COLOURS, LEVELS]), {"colours": RGB, "extra": [2]}, "RGBA"),
    ],
    ids=["grey", "colour", "colour and alpha"],
)
def test_of_16_bits_the_upper_8_are_kept(order, array, options, mode):
    found = decoded(tiff(array, order, **options))
    assert found.mode == mode
    np.testing.assert_array_equal(np.asarray(found), array >> 8)


@pytest.mark.parametrize("order", "<>")
def test_16_bits_in_planes_are_read_when_they_are_compressed(order):
    found = decoded(tiff(COLOURS, order, colours=RGB, planes=2, compression=DEFLATE))
    np.testing.assert_array_equal(np.asarray(found), COLOURS >> 8)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda order: tiff(np.array([[0, -1]], np.int8), order, INT), "signed numbers"),
        (lambda order: tiff(np.array([[0, -1]], np.int16), order, INT), "signed numbers"),
        (lambda order: tiff(np.array([[0, -1]], np.int32), order, INT), "signed numbers"),
        (lambda order: tiff(np.array([[0, 9]], np.uint32), order), "32-bit numbers"),
        (lambda order: tiff(np.ones((1, 2, 3), np.uint32), order, colours=RGB), "32-bit numbers"),
        (lambda order: tiff(np.ones((1, 2), np.float16), order, FLOAT), "floating-point numbers"),
        (lambda order: tiff(np.ones((1, 2), np.float32), order, FLOAT), "floating-point numbers"),
        (lambda order: tiff(np.ones((1, 2), np.float64), order, FLOAT), "floating-point numbers"),
        (lambda order: tiff(np.ones((1, 2, 3), np.float32), order, FLOAT, RGB), "floating-point numbers"),
        (lambda order: tiff(COLOURS, order, colours=RGB, planes=2), "planes of 16 bits without compression"),
        (lambda order: tiff(np.dstack([LEVELS] * 2), order, extra=[2]), r"is not read \(2 channels of 16 bits"),
        (lambda order: tiff(LEVELS, order, compression=9999), "its compression, number 9999, is not read"),
    ],
    ids=["int8", "int16", "int32", "uint32", "uint32 colour", "float16", "float32", "float64", "float colour",
         "planes", "grey and alpha", "compression"],
)  # fmt: skip
def test_what_cannot_be_read_rightly_is_left_out_with_the_reason(order, content, reason):
    with pytest.raises(DataError, match=reason):
        decoded(content(order))


def test_8_bits_in_planes_and_with_0_for_white():
    colours = (COLOURS >> 8).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(decoded(tiff(colours, colours=RGB, planes=2))), colours)
    np.testing.assert_array_equal(np.asarray(decoded(tiff(LEVELS, colours=WHITE_IS_0))), 255 - (LEVELS >> 8))


def test_of_several_pages_the_first_is_read():
    first, second = (Image.new("L", (4, 4), level) for level in (10, 200))
    stream = io.BytesIO()
    first.save(stream, "TIFF", save_all=True, append_images=[second])
    assert decoded(stream.getvalue()).getextrema() == (10, 10)


def test_a_page_that_claims_too_many_pixels_or_more_than_the_file_has():
    content = tiff(LEVELS)
    wide = content.replace(struct.pack("<HHII", 256, 4, 1, 4), struct.pack("<HHII", 256, 4, 1, 2**30))
    with pytest.raises(DataError, match="are more than 67,108,864"):
        decoded(wide)
    with pytest.raises(DataError, match="cut off"):
        decoded(content[:-1])
