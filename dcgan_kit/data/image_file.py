"""Decode one image file to upright 8-bit pixels, even with broken metadata, or say in plain words why it fails."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import IO, TYPE_CHECKING, TypeVar

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.image_format import HEAD, image_format
from dcgan_kit.data.image_metadata import WITHOUT_METADATA
from dcgan_kit.data.stored_file import StoredFile, stored_file
from dcgan_kit.data.tiff_pixels import NO_WHITE, UnreadPixels, tiff_reader
from dcgan_kit.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

_T = TypeVar("_T")

MAX_PIXELS = 2**26
"""8192 x 8192. A small file can claim any size, and decoding it would fill the memory."""
LARGEST_RETRY = 64 * 2**20
"""Most bytes of a file that is read again without its metadata; the whole file is then in memory."""
ORIENTATION = 0x0112
"""The orientation tag of EXIF and TIFF."""
TURNED = (5, 6, 7, 8)
"""Values of the orientation tag that turn an image by 90 degrees."""
LOW_LEVELS = {"L;2": 85, "L;4": 17}
"""Factors for the transparent level: Pillow scales grey of 2 and 4 bits to 8 bits, but not the transparent level."""
_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "I": 1, "LA": 2, "La": 2, "RGBA": 4, "RGBa": 4, "PA": 4}
"""Number of channels for modes of Pillow. All other modes have 3."""


def decoded_image(stream: IO[bytes]) -> Image.Image:
    """Return the first frame of an image file as a Pillow image of mode L, LA, RGB or RGBA, upright.

    Metadata that can be read is applied. Broken metadata never makes an image unusable.

    Raises:
        DataError: the file is no image of a supported format, is damaged, or claims too many pixels.
        OSError: the file cannot be read; ``strerror`` says why.
    """
    return _first_that_is_read(stream, _decoded)


def examined_image(stream: IO[bytes]) -> tuple[StoredFile, Image.Image]:
    """Return how a file stores its image, and the image of ``decoded_image``.

    Raises:
        DataError, OSError: the errors of ``decoded_image``.
    """
    return _first_that_is_read(stream, _examined)


def image_size(stream: IO[bytes]) -> ImageSpec:
    """Return the upright size and the channels of an image file. It reads only the header.

    Raises:
        DataError, OSError: the errors of ``decoded_image`` that the header shows.
    """
    return _first_that_is_read(stream, _size)


def unreadable_reason(error: Exception) -> str:
    """Return why an image cannot be read, in plain words, for any error of opening, decoding or resizing it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    return "it is damaged: its pixels cannot be decoded"


def _first_that_is_read(stream: IO[bytes], read: Callable[[IO[bytes], str], _T]) -> _T:
    """Call ``read`` with the file and its format, again with less metadata if it fails, and return the result."""
    for attempt, last in _attempts(stream):
        try:
            return read(*attempt)
        except DataError:
            raise
        except Exception as error:
            # On a damaged image, Pillow raises almost any error.
            if isinstance(error, OSError) and error.strerror:
                raise
            if last:
                raise DataError(_reason(error)) from error
    raise AssertionError("there is a last attempt")


def _attempts(stream: IO[bytes]) -> Iterator[tuple[tuple[IO[bytes], str], bool]]:
    """Yield the file and its format, and whether this is the last attempt. Each next file has less metadata."""
    head = stream.read(HEAD)
    name = image_format(head)
    if name is None:
        raise DataError("not an image of a format that is read" if head else "it is empty")
    without = WITHOUT_METADATA.get(name)
    stream.seek(0)
    yield (stream, name), without is None
    if without is None:
        return
    stream.seek(0)
    content = stream.read(LARGEST_RETRY + 1)
    for turn in (True, False):
        try:
            stripped = content if len(content) > LARGEST_RETRY else without(content, turn)
        except Exception:
            # The parts with the pixels cannot be found. The decoder will report it.
            stripped = content
        yield (io.BytesIO(stripped), name), not turn


def _reason(error: Exception) -> str:
    from PIL import Image

    if isinstance(error, UnreadPixels):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return f"it claims more than {MAX_PIXELS:,} pixels"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "it is cut off"
    return "it is damaged: its pixels cannot be decoded"


@cache
def _decoders() -> frozenset[str]:
    """Return the formats that this installation of Pillow decodes."""
    from PIL import Image

    Image.init()
    return frozenset(Image.OPEN)


def _opened(stream: IO[bytes], name: str) -> Image.Image:
    """Return an image of which only the header is read."""
    from PIL import Image

    if name not in _decoders():
        raise DataError(f"this installation of Pillow does not read {name}: install a newer one, or convert it")
    opened: Image.Image = tiff_reader()(stream, "") if name == "TIFF" else Image.open(stream, formats=(name,))
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise DataError(f"{width}x{height} pixels are more than {MAX_PIXELS:,}")
    return opened


def _size(stream: IO[bytes], name: str) -> ImageSpec:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(stream, name) as image:
            width, height = _stored_size(image)
            if _shown_turn(image, name) in TURNED:
                width, height = height, width
            return ImageSpec(height, width, _CHANNELS.get(image.mode, 3))


def _shown_turn(image: Image.Image, name: str) -> int:
    """Return the orientation that the header shows."""
    # Pillow would decode a whole PNG to search for EXIF after the pixels, where it rarely is.
    shows = name != "PNG" or "exif" in image.info or "XML:com.adobe.xmp" in image.info
    return _turn(image) if shows else 1


def _examined(stream: IO[bytes], name: str) -> tuple[StoredFile, Image.Image]:
    with _opened(stream, name) as image:
        stored = stored_file(image, name, _raw_mode(image), _shown_turn(image, name) != 1)
    stream.seek(0)
    return stored, _decoded(stream, name)


def _decoded(stream: IO[bytes], name: str) -> Image.Image:
    from PIL import Image

    with _opened(stream, name) as opened:
        raw = _raw_mode(opened)
        opened.load()
        turn = _turn(opened)
        plain = _plain(opened, raw)
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(turn)
    return plain if method is None else plain.transpose(method)


def _raw_mode(opened: Image.Image) -> str:
    """Return Pillow's raw mode: how the file stores pixels. Pillow's tiles are (decoder, box, offset, arguments)."""
    tiles = getattr(opened, "tile", None)
    arguments = tiles[0][3] if tiles else None
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) before turning. For a TIFF, Pillow's own size is the one after turning."""
    tags = getattr(image, "tag_v2", None)
    return image.size if tags is None else (tags[256], tags[257])


def _turn(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 if there is none or it cannot be read."""
    tags = getattr(image, "tag_v2", None)
    try:
        value = (image.getexif() if tags is None else tags).get(ORIENTATION)
    except Exception:
        # Metadata may be broken in any way.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _plain(image: Image.Image, raw: str) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA.

    Raises:
        DataError: the values of black and white are unknown, or the colours are Lab.
    """
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.mode == "F":
        raise DataError(f"its pixels are floating-point numbers, {NO_WHITE}")
    if image.mode == "LAB":
        raise DataError("its colours are Lab: convert it to RGB")
    transparent = image.info.get("transparency")
    if isinstance(transparent, int) and raw in LOW_LEVELS:
        image.info["transparency"] = transparent * LOW_LEVELS[raw]
    elif isinstance(transparent, tuple) and raw.startswith("RGB;16"):
        # Pillow keeps the upper 8 of 16 bits of the pixels.
        image.info["transparency"] = tuple(level >> 8 for level in transparent)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        try:
            return image.convert("RGBA").convert("LA") if grey else image.convert("RGBA")
        except (ValueError, TypeError, OverflowError):
            # The transparent colour is one that no pixel can have.
            del image.info["transparency"]
    return image.convert("L" if grey else "RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Keep the upper 8 of 16 bits, and the transparent level. Pillow's own conversion would clip at 255."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    tags = getattr(image, "tag_v2", {})
    if tags.get(258) == (12,):
        values <<= 4
    transparent = image.info.get("transparency")
    if tags.get(262) == 0:
        # The file says that 0 is white, and Pillow does not invert 16-bit values.
        values = 65535 - values
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if not isinstance(transparent, int):
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))))
