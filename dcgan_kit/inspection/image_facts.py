"""Facts about one image: how it is stored, its levels, and what identifies its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from dcgan_kit.data.fitted_image import WHITE, Colour, converted_image
from dcgan_kit.data.image_file import examined_image
from dcgan_kit.data.stored_file import StoredFile

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
COLOURLESS = 4
"""An image is grey if its channels are nowhere further apart: JPEG moves the channels of a grey picture a little."""
SMALL = 8
"""Side of the small grey copy; see ``ImageFacts.small``."""


@dataclass(frozen=True)
class ImageFacts:
    """Facts about one image, upright and with 8 bits.

    Attributes:
        stored: how its file stores it.
        height: in pixels.
        width: in pixels.
        channels: 1 to 4.
        grey: whether it has no colour, though it may have three channels. The background does not count.
        clear: whether some pixels are transparent.
        levels: float64 (3, 256): the share of the pixels with each level, of red, green and blue, on the background; of
            a grey image, three times the same.
        digest: 16 bytes that only images with equal pixels share.
        small: uint8 (8, 9): the image in grey, on the background, made small.
    """

    stored: StoredFile
    height: int
    width: int
    channels: int
    grey: bool
    clear: bool
    levels: np.ndarray
    digest: bytes
    small: np.ndarray


def image_facts(content: Any, background: Colour = WHITE) -> ImageFacts:
    """Return the facts about an image.

    Args:
        content: a stream of an encoded image, or uint8 (H, W, C).
        background: red, green and blue level behind transparent pixels: networks do not see the colours below them.

    Raises:
        DataError: the stream is no image, or cannot be decoded.
        OSError: the stream cannot be read.
    """
    stored, image = _from_array(content) if isinstance(content, np.ndarray) else examined_image(content)
    channels = len(image.getbands())
    on_grey = len(set(background)) == 1
    colour = converted_image(image, "L" if channels == 1 or (channels == 2 and on_grey) else "RGB", background)
    small = colour.convert("L").resize((SMALL + 1, SMALL), Image.Resampling.BOX, reducing_gap=3.0)
    shape = f"{image.mode} {image.width} {image.height} ".encode()
    return ImageFacts(
        stored,
        image.height,
        image.width,
        channels,
        channels < 3 or _colourless(converted_image(image, "RGB")),
        channels in (2, 4) and image.getchannel("A").getextrema()[0] < 255,
        _levels(colour),
        hashlib.blake2b(shape + image.tobytes(), digest_size=16).digest(),
        np.asarray(small),
    )


def _from_array(pixels: np.ndarray) -> tuple[StoredFile, Image.Image]:
    mode = MODES[pixels.shape[-1]]
    kind = "grey" if mode in ("L", "LA") else "colour"
    squeezed = np.ascontiguousarray(pixels[..., 0] if mode == "L" else pixels)
    image = Image.fromarray(squeezed, "LA") if mode == "LA" else Image.fromarray(squeezed)
    return StoredFile("array", f"{kind}{' and transparency' if 'A' in mode else ''}", 8, False, False), image


def _colourless(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return all(ImageChops.difference(green, other).getextrema()[1] <= COLOURLESS for other in (red, blue))


def _levels(image: Image.Image) -> np.ndarray:
    counts = np.array(image.histogram(), np.float64).reshape(-1, 256)
    return np.broadcast_to(counts / (image.width * image.height), (3, 256))
