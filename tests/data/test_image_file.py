"""Pixels that decode are used, whatever stands beside them; what cannot be used is reported in plain words."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.data.image_file import decoded_image, image_size
from dcgan_kit.data.image_format import FORMATS, HEAD, image_format
from dcgan_kit.data.image_metadata import _TIFF_PIXELS

PIXELS = np.add.outer(np.arange(20) * 6, np.arange(30) * 4)[..., None].repeat(3, 2).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def saved(format_name, image=PICTURE, **options):
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


def decoded(content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decoded_image(io.BytesIO(content))


def exif(orientation=6):
    reported = Image.Exif()
    reported[0x0112] = orientation
    reported[0x010F] = "a maker of cameras"
    reported[0x011A] = 72.0
    return reported


def chunk(name, content, checksum=None):
    checksum = zlib.crc32(name + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def with_chunk(*chunks):
    """A PNG with chunks before its pixels."""
    content = saved("PNG")
    at = content.index(b"IDAT") - 4
    return content[:at] + b"".join(chunks) + content[at:]


def with_segment(marker, content):
    """A JPEG with a segment right at its start."""
    whole = saved("JPEG", quality=100, subsampling=0)
    return whole[:2] + b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content + whole[2:]


# Formats


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("PSD", "SUN", "JPEG", "WEBP", "AVIF")])
def test_each_format_is_known_by_its_mark_and_decoded(name):
    image = PICTURE.resize((32, 16)) if name == "ICO" else PICTURE
    content = saved(name, image, **({"sizes": [(32, 16)]} if name == "ICO" else {}))
    assert image_format(content[:HEAD]) == name
    found = decoded(content)
    assert image_size(io.BytesIO(content)) == ImageSpec(found.height, found.width, 3)
    np.testing.assert_allclose(np.asarray(found).astype(int), np.asarray(image), atol=6)


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_too(name):
    content = saved(name, quality=95)
    assert image_format(content[:HEAD]) == name
    np.testing.assert_allclose(np.asarray(decoded(content)).astype(int), PIXELS, atol=12)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"BMW builds cars and has no pixels", b"P1 is what they call it", b"%!PS-Adobe-3.0 EPSF-3.0",
        b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xd7\xcd\xc6\x9a", b"\0\0\x08\x03\0\0\xea\x60",
        b"PK\x03\x04", b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\x18ftypmp42", b"\x93NUMPY\x01\0", b"MZ\x90\0", b"\0" * 32,
    ],
)  # fmt: skip
def test_other_files_are_no_images(content):
    assert image_format(content[:HEAD]) is None
    with pytest.raises(DataError, match=r"not an image of a format that is read|it is empty"):
        decoded(content)


# Metadata


def odd_rational():
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2)
    tiff += struct.pack("<HHI4s", 0x0112, 3, 1, struct.pack("<HH", 6, 0))
    return tiff + struct.pack("<HHII", 0x011A, 10, 1, 38) + struct.pack("<I", 0) + struct.pack("<ii", -1, 0)


BESIDE = {
    "junk in EXIF": saved("PNG", exif=b"junkjunk"),
    "an empty EXIF chunk": with_chunk(chunk(b"eXIf", b"")),
    "an ICC profile of 2 MiB": with_chunk(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**21)))),
    "an ICC profile that is none": with_chunk(chunk(b"iCCP", b"\xff" * 30)),
    "a packed text of 2 MiB": with_chunk(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**21)))),
    "a packed international text of 2 MiB": with_chunk(
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2**21)))
    ),
    "texts of 70 MiB": with_chunk(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20 - 1)))] * 70),
    "a text that is none": with_chunk(chunk(b"iTXt", b"\xff\xfe\xfd")),
    "a wrong checksum of a text": with_chunk(chunk(b"tEXt", b"a\0b", 0)),
    "a wrong checksum of the time": with_chunk(chunk(b"tIME", b"\0" * 7, 1)),
    "a wrong checksum of transparency": with_chunk(chunk(b"tRNS", b"\0" * 6, 1)),
    "a short resolution": with_chunk(chunk(b"pHYs", b"\0")),
    "a short gamma": with_chunk(chunk(b"gAMA", b"")),
    "a short colour space": with_chunk(chunk(b"sRGB", b"")),
    "short transparency": with_chunk(chunk(b"tRNS", b"\0")),
    "an unknown chunk with a wrong checksum": with_chunk(chunk(b"prVt", b"x" * 100, 5)),
    "an animation of no frame": with_chunk(chunk(b"acTL", b"\0" * 3)),
    "EXIF of a JPEG that is junk": with_segment(0xE1, b"Exif\0\0junkjunk"),
    "EXIF of a JPEG that is cut off": with_segment(0xE1, b"Exif\0\0" + exif(1).tobytes()[6:20]),
    "an index of several pictures that is none": with_segment(0xE2, b"MPF\0\xff\xff\xff\xff"),
    "an index of several pictures without an end": with_segment(0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff\xff\xff"),
    "parts of a profile that do not fit": with_segment(0xE2, b"ICC_PROFILE\0\x07\x02junk"),
    "Photoshop's notes that are none": with_segment(0xED, b"Photoshop 3.0\x008BIM\xff\xff\xff"),
    "FlashPix that is none": with_segment(0xE2, b"FPXR\0"),
    "XMP that is none": with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<"),
    "bytes between segments": saved("JPEG", quality=100, subsampling=0).replace(b"\xff\xdb", b"junk\xff\xdb", 1),
}


@pytest.mark.parametrize("content", BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_the_pixels_decides_nothing(content):
    found = decoded(content)
    assert image_size(io.BytesIO(content)) == ImageSpec(20, 30, 3)
    np.testing.assert_allclose(np.asarray(found.convert("RGB")).astype(int), PIXELS, atol=4)


@pytest.mark.parametrize(
    "content",
    [
        saved("PNG", exif=exif()), saved("JPEG", exif=exif()), saved("WEBP", exif=exif()), saved("TIFF", exif=exif()),
        saved("AVIF", exif=exif().tobytes()),
        saved("JPEG", exif=b"Exif\0\0" + odd_rational()),
        saved("PNG", exif=b"Exif\0\0" + odd_rational()),
        saved("JPEG", xmp=XMP),
        with_chunk(chunk(b"eXIf", exif().tobytes()[6:]), chunk(b"tEXt", b"a\0b", 0)),
        with_chunk(chunk(b"eXIf", exif().tobytes()[6:]), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**21)))),
        with_chunk(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), chunk(b"zTXt", b"a\0\0\xff", 7)),
    ],
)  # fmt: skip
def test_the_turn_is_followed_where_it_can_be_read(content):
    upright = np.asarray(PICTURE.transpose(Image.Transpose.ROTATE_270)).astype(int)
    np.testing.assert_allclose(np.asarray(decoded(content)).astype(int), upright, atol=16)
    assert image_size(io.BytesIO(content)) == ImageSpec(30, 20, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_every_turn_is_pillows(name, orientation):
    from PIL import ImageOps

    content = saved(name, exif=exif(orientation))
    with Image.open(io.BytesIO(content)) as image:
        expected = ImageOps.exif_transpose(image)
        np.testing.assert_array_equal(np.asarray(decoded(content)), np.asarray(expected))


def metadata_of(name, content):
    """Places of the bytes of a file that say nothing about its pixels."""
    if name == "PNG":
        places, at = [], 8
        while at < len(content):
            (length,) = struct.unpack_from(">I", content, at)
            ours = content[at + 4 : at + 8] not in (b"IHDR", b"IDAT", b"IEND")
            places += range(at + 8, at + 12 + length) if ours else []
            at += 12 + length
        return places
    if name == "JPEG":
        places, at = [], 2
        while content[at + 1] != 0xDA:
            (length,) = struct.unpack_from(">H", content, at + 2)
            places += range(at + 4, at + 2 + length) if 0xE1 <= content[at + 1] <= 0xED else []
            at += 2 + length
        return places
    if name == "TIFF":
        (start,) = struct.unpack_from("<I", content, 4)
        (count,) = struct.unpack_from("<H", content, start)
        entries = [start + 2 + 12 * number for number in range(count)]
        tags = {at: struct.unpack_from("<H", content, at)[0] for at in entries}
        return [place for at in entries if tags[at] not in _TIFF_PIXELS for place in range(at + 2, at + 12)]
    maker = content.index(b"a maker of cameras")
    return range(maker, maker + 18) if name == "AVIF" else range(maker - 40, maker + 18)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_no_damage_of_metadata_changes_a_pixel(name):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("a", "b" * 50, zip=True)
    texts.add_itxt("c", "d" * 50, zip=True)
    options = {"PNG": {"pnginfo": texts, "dpi": (72, 72)}, "JPEG": {"xmp": XMP, "comment": b"hello"}}.get(name, {})
    whole = saved(name, exif=exif(1), icc_profile=b"no profile" * 20, **options)
    expected = np.asarray(decoded(whole))
    places = np.array(metadata_of(name, whole))
    assert len(places) > 15
    random = np.random.default_rng(0)
    for _ in range(150):
        content = np.frombuffer(whole, np.uint8).copy()
        content[random.choice(places, random.integers(1, 12))] = random.integers(0, 256)
        found = decoded(content.tobytes())
        # A turn may come out of it, and nothing else.
        turns = [found, *(found.transpose(turn) for turn in Image.Transpose)]
        assert any(np.array_equal(np.asarray(turn.convert("RGB")), expected) for turn in turns)


# Modes


def test_grey_of_16_bits_keeps_its_transparent_level():
    values = np.array([[0x8012, 0x8013], [0xFFFF, 0]], np.uint16)
    content = saved("PNG", Image.fromarray(values))
    at = content.index(b"IDAT") - 4
    content = content[:at] + chunk(b"tRNS", b"\x80\x12") + content[at:]
    found = decoded(content)
    assert found.mode == "LA"
    np.testing.assert_array_equal(np.asarray(found)[..., 0], values >> 8)
    np.testing.assert_array_equal(np.asarray(found)[..., 1], [[0, 255], [255, 255]])


def png(bits, colour, rows, *chunks):
    """A PNG of rows of bytes as they lie in it."""
    side = len(rows)
    width = len(rows[0]) * 8 // (bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour])
    header = struct.pack(">IIBBBBB", width, side, bits, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "alpha"),
    [
        (png(1, 0, [[0b10101010]], chunk(b"tRNS", b"\0\1")), [0, 255, 0, 255, 0, 255, 0, 255]),
        (png(2, 0, [[0b00011011]], chunk(b"tRNS", b"\0\2")), [255, 255, 0, 255]),
        (png(4, 0, [[0x0F, 0x70]], chunk(b"tRNS", b"\0\7")), [255, 255, 0, 255]),
        (png(8, 0, [[3, 9, 200]], chunk(b"tRNS", b"\0\x09")), [255, 0, 255]),
        (png(8, 2, [[1, 2, 3, 4, 5, 6]], chunk(b"tRNS", b"\0\1\0\2\0\3")), [0, 255]),
        (png(16, 2, [[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]], chunk(b"tRNS", b"\1\0\2\0\3\0")), [0, 255]),
        (png(8, 3, [[0, 1]], chunk(b"PLTE", b"\1\2\3\4\5\6"), chunk(b"tRNS", b"\xff\x40")), [255, 64]),
    ],
    ids=["1 bit", "2 bits", "4 bits", "8 bits", "colours", "colours of 16 bits", "palette"],
)
def test_the_transparent_colour_of_every_depth(content, alpha):
    assert np.asarray(decoded(content).getchannel("A"))[0].tolist() == alpha


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_becomes_grey_or_colour_with_alpha_or_without(mode):
    image = PICTURE.convert("L").convert(mode) if mode == "I;16" else PICTURE.convert(mode)
    expected = {"1": "L", "L": "L", "I;16": "L", "LA": "LA", "PA": "RGBA", "RGBA": "RGBA"}.get(mode, "RGB")
    assert decoded(saved("TIFF", image)).mode == expected


def test_16_bits_of_which_0_is_white_are_turned_round():
    image = Image.fromarray(np.array([[0, 0xFFFF, 0x1234]], np.uint16))
    assert np.asarray(decoded(saved("TIFF", image, tiffinfo={262: 0})))[0].tolist() == [255, 0, 0xED]


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        (saved("TIFF", PICTURE.convert("F")), "its pixels are floating-point numbers, and the file does not"),
        (saved("TIFF", PICTURE.convert("I")), "its pixels are signed numbers, and the file does not"),
        (saved("TIFF", PICTURE.convert("LAB")), "its colours are Lab: convert it to RGB"),
        (saved("PNG")[:70], "it is cut off"),
        (saved("JPEG")[:700], "it is cut off"),
        (saved("GIF")[:60], "it is cut off|it is damaged"),
        (saved("BMP")[:600], "it is cut off"),
        (saved("PNG").replace(b"IDAT", b"IDAX"), "it is damaged: its pixels cannot be decoded|it is cut off"),
        (saved("WEBP")[:60], "it is damaged: its pixels cannot be decoded"),
        (saved("JPEG2000")[:80], "it is damaged: its pixels cannot be decoded|it is cut off"),
        (saved("TIFF")[:-1], "it is cut off"),
        (saved("TIFF")[:9], "it is damaged: its pixels cannot be decoded|it is cut off"),
        (b"\xff\xd8\xff", "it is damaged: its pixels cannot be decoded|it is cut off"),
        (b"qoif" + b"\0" * 40, "it is damaged: its pixels cannot be decoded|it is cut off"),
        (png(8, 2, [[0] * 3], ).replace(struct.pack(">II", 1, 1), struct.pack(">II", 60000, 60000)), "damaged|claims"),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_told_in_plain_words(content, reported):
    with pytest.raises(DataError, match=reported) as caught:
        decoded(content)
    assert not any(word in str(caught.value) for word in ("Error", "object at", "Exception", "b'", "PIL"))
