"""An image of any size → pixels of the recipe's size: on a background, cropped or padded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.resized_pixels import REDUCING_GAP

if TYPE_CHECKING:
    from PIL import Image

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def fitted_image(image: Image.Image, spec: ImageSpec, *, fit: str = "crop", background: Colour = WHITE) -> Any:
    """Return the pixels of an image in the recipe's size and channels, by an antialiased Lanczos filter.

    Args:
        image: of mode L, LA, RGB or RGBA, as ``decoded_image`` returns it.
        spec: the recipe's size.
        fit: for another aspect ratio: ``crop`` cuts the longer side at both ends, ``pad`` adds margins.
        background: red, green and blue level, 0 to 255, behind transparent pixels and in margins.

    Returns:
        uint8 (H, W, C).
    """
    import numpy as np

    converted = converted_image(image, _MODES[spec.channels], background)
    resized = _cropped(converted, spec) if fit == "crop" else _padded(converted, spec, background)
    return np.asarray(resized, np.uint8).reshape(spec.shape)


def converted_image(image: Image.Image, mode: str, background: Colour = WHITE) -> Image.Image:
    """Return an image in another mode. Where it loses transparency, it gets the background."""
    from PIL import Image

    if image.mode.endswith("A") and not mode.endswith("A"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image)
    return image.convert(mode)


def _resize(image: Image.Image) -> Callable[..., Image.Image]:
    from PIL import Image

    return partial(image.resize, resample=Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def _cropped(image: Image.Image, spec: ImageSpec) -> Image.Image:
    scale = max(spec.width / image.width, spec.height / image.height)
    left = (image.width - spec.width / scale) / 2
    top = (image.height - spec.height / scale) / 2
    # min: rounding can step slightly over the edge, which Pillow rejects.
    right = min(left + spec.width / scale, image.width)
    bottom = min(top + spec.height / scale, image.height)
    return _resize(image)((spec.width, spec.height), box=(max(left, 0.0), max(top, 0.0), right, bottom))


def _padded(image: Image.Image, spec: ImageSpec, background: Colour) -> Image.Image:
    from PIL import Image

    scale = min(spec.width / image.width, spec.height / image.height)
    inner = _resize(image)((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    # If an image has transparency, its margins are transparent.
    alpha = 0 if inner.mode.endswith("A") else 255
    canvas = Image.new("RGBA", (spec.width, spec.height), (*background, alpha)).convert(inner.mode)
    canvas.paste(inner, ((spec.width - inner.width) // 2, (spec.height - inner.height) // 2))
    return canvas
