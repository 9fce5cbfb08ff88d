"""Decode an image to uint8 pixels of the recipe's size: rotated, on a background, cropped or padded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import numpy as np

from dcgan_kit import ImageSpec, decoded_image, fitted_image


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
    image = decoded_image(stream)
    pixels: np.ndarray = fitted_image(image, fitting.spec, fit=fitting.fit, background=fitting.colour)
    return pixels
