"""Decode an image to uint8 pixels of the recipe's size: rotated, on a background, cropped or padded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np

from dcgan_kit import ImageSpec, decoded_image

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Fitting:
    """How images of any size become images of the recipe's size.

    Attributes:
        spec: the recipe's size.
        fit: ``crop`` or ``pad``.
        colour: red, green and blue level behind transparent pixels and in margins.
    """

    spec: ImageSpec
    fit: str
    colour: tuple[int, int, int]


def decode(stream: IO[bytes], fitting: Fitting) -> np.ndarray:
    """Return uint8 pixels (H, W, C) of the first frame.

    Raises:
        DataError: the stream is not an image, or cannot be decoded. The message says why.
        OSError: the stream cannot be read.
    """
    image = _converted(decoded_image(stream), MODES[fitting.spec.channels], fitting.colour)
    return np.asarray(_resized(image, fitting), np.uint8).reshape(fitting.spec.shape)


def _converted(image: Image.Image, mode: str, colour: tuple[int, int, int]) -> Image.Image:
    from PIL import Image

    if image.mode.endswith("A") and not mode.endswith("A"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*colour, 255)), image)
    return image.convert(mode)


def _resized(image: Image.Image, fitting: Fitting) -> Image.Image:
    from PIL import Image

    spec = fitting.spec
    wide, high = spec.width / image.width, spec.height / image.height
    resize: Callable[..., Image.Image] = partial(image.resize, resample=Image.Resampling.LANCZOS, reducing_gap=3.0)
    if fitting.fit == "crop":
        scale = max(wide, high)
        left = (image.width - spec.width / scale) / 2
        top = (image.height - spec.height / scale) / 2
        # min: rounding can step slightly over the edge, which Pillow rejects.
        right = min(left + spec.width / scale, image.width)
        bottom = min(top + spec.height / scale, image.height)
        return resize((spec.width, spec.height), box=(max(left, 0.0), max(top, 0.0), right, bottom))
    scale = min(wide, high)
    inner = resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    # If an image has transparency, its margins are transparent.
    alpha = 0 if inner.mode.endswith("A") else 255
    canvas = Image.new("RGBA", (spec.width, spec.height), (*fitting.colour, alpha)).convert(inner.mode)
    canvas.paste(inner, ((spec.width - inner.width) // 2, (spec.height - inner.height) // 2))
    return canvas
