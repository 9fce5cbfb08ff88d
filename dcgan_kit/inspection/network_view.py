"""Some images of a source as networks see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.stored import StoredImage, StoredImages
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.threads import in_threads
from dcgan_kit.errors import ComponentError, DataError

SIDE = 8
"""Most rows and columns of the grid."""


def network_view(stored: StoredImages, spec: ImageSpec) -> np.ndarray:
    """Return images from all over a source in a size, uint8 (N, H, W, C), at most 64.

    The first of them is the first of the source, and they follow in its order, so that a grid shows all classes.

    Raises:
        DataError: the source does not resize images, or none of those that were chosen can be read.
        ComponentError: what the source makes is not of this size.
    """
    wanted = min(SIDE * SIDE, stored.count)
    places = {int(place) for place in np.linspace(0, stored.count - 1, wanted)}
    chosen = (image for place, image in enumerate(stored.images()) if place in places)
    found = [
        pixels
        for pixels in in_threads(lambda image: _fitted(stored, image, spec), _readable(chosen))
        if pixels is not None
    ]
    if not found:
        raise DataError(f"{stored.name}: none of the {wanted} images for the picture can be read")
    for pixels in found:
        _require_size(stored, pixels, spec)
    return np.stack(found)


def _require_size(stored: StoredImages, pixels: Any, spec: ImageSpec) -> None:
    if isinstance(pixels, np.ndarray) and (pixels.shape, pixels.dtype) == (spec.shape, np.uint8):
        return
    received = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
    raise ComponentError(f"{stored.name}: 'fitted' must return uint8 {spec.shape}. Received: {received}")


def _readable(images: Iterator[StoredImage | str]) -> Iterator[StoredImage]:
    return (image for image in images if not isinstance(image, str))


def _fitted(stored: StoredImages, image: StoredImage, spec: ImageSpec) -> Any:
    try:
        content = image.read()
    except Exception:
        # The inspection names the images that cannot be read.
        return None
    if isinstance(content, np.ndarray):
        # An array of another size: all images have it, so the error is passed on.
        return stored.fitted(content, spec)
    try:
        with content:
            return stored.fitted(content, spec)
    except Exception:
        return None
