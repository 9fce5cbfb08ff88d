"""A picture from the outside, as an image of a recipe's size."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.image_file import decoded_image
from dcgan_kit.data.resized_pixels import REDUCING_GAP
from dcgan_kit.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def target_pixels(stream: IO[bytes], spec: ImageSpec, name: str) -> Any:
    """Decode a picture: cropped in the middle to the shape of the images, then resized. Transparent parts become black.

    Args:
        stream: the file.
        spec: the size of the images.
        name: its name in messages.

    Returns:
        uint8 (H, W, C).

    Raises:
        DataError: it is no picture that can be read.
    """
    try:
        image = _converted(decoded_image(stream), _MODES[spec.channels])
    except (DataError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{name}: {reason}") from error
    return np.asarray(_cropped(image, spec), np.uint8).reshape(spec.shape)


def target_of_bytes(content: bytes, spec: ImageSpec, name: str) -> Any:
    """Decode a picture that was sent; see ``target_pixels``."""
    return target_pixels(io.BytesIO(content), spec, name)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    from PIL import Image

    if image.mode.endswith("A") and not mode.endswith("A"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image.convert(mode)


def _cropped(image: Image.Image, spec: ImageSpec) -> Image.Image:
    from PIL import Image

    scale = max(spec.width / image.width, spec.height / image.height)
    width, height = min(spec.width / scale, image.width), min(spec.height / scale, image.height)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return image.resize(
        (spec.width, spec.height), Image.Resampling.LANCZOS, (left, top, left + width, top + height), REDUCING_GAP
    )
