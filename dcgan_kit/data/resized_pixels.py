"""Images in another size than their own: by one filter, wherever arrays of images are resized."""

from __future__ import annotations

from typing import Any

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.errors import counted

_MODES = {1: "L", 3: "RGB"}
REDUCING_GAP = 3.0
"""From this factor on, Pillow first reduces by whole pixels, which is faster and changes little; see its ``resize``."""


def unresizable(channels: int, spec: ImageSpec) -> str:
    """Return why images with so many channels cannot be resized to a size; empty if they can."""
    if channels in _MODES and spec.channels in _MODES:
        return ""
    to = f"to {spec.channels}"
    return f"only grey images and RGB images can be resized. Received: images with {counted(channels, 'channel')}, {to}"


def resized_pixels(pixels: Any, spec: ImageSpec) -> Any:
    """Return images in another size, by an antialiased Lanczos filter.

    Grey becomes three equal channels, and colour becomes its luma (ITU-R BT.601).

    Args:
        pixels: uint8 (N, H, W, C), with 1 or 3 channels.
        spec: the size, with 1 or 3 channels.

    Returns:
        uint8 (N, height, width, channels); ``pixels`` itself if it has this size.

    Raises:
        ValueError: the images have transparency, or are to get some.
    """
    import numpy as np
    from PIL import Image

    if tuple(pixels.shape[1:]) == spec.shape:
        return pixels
    if reason := unresizable(pixels.shape[-1], spec):
        raise ValueError(reason)
    before, after = _MODES[pixels.shape[-1]], _MODES[spec.channels]
    found = np.empty((len(pixels), *spec.shape), np.uint8)
    for index, image in enumerate(pixels):
        original = Image.fromarray(np.ascontiguousarray(image[..., 0] if before == "L" else image))
        resized = original.convert(after).resize(
            (spec.width, spec.height), Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP
        )
        found[index] = np.asarray(resized).reshape(spec.shape)
    return found
