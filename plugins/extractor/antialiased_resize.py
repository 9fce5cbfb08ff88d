"""Antialiased resizing of images before features are computed, and keys that contain the size."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcgan_kit import Images

HEX_DIGITS = 8
BATCH = 256
"""Images that are resized at once."""


def shrunk_size(height: int, width: int, largest: int) -> tuple[int, int]:
    """Return height and width, scaled down so that the longer side is at most ``largest`` pixels."""
    longest = max(height, width)
    if longest <= largest:
        return height, width
    return max(1, round(height * largest / longest)), max(1, round(width * largest / longest))


def shrunk(pixels: Any, largest: int) -> Any:
    """Return float32 images (N, H, W, C) of the size ``shrunk_size``, by bilinear resizing with antialiasing.

    How scores change without antialiasing: Parmar et al. 2022, arXiv 2104.11222
    """
    import tensorflow as tf

    images = tf.cast(pixels, tf.float32)
    size = shrunk_size(images.shape[1], images.shape[2], largest)
    return images if size == tuple(images.shape[1:3]) else tf.image.resize(images, size, antialias=True)


def shrunk_pixels(images: Images, indices: Any, largest: int) -> Any:
    """Return the uint8 images (M, h, w, C) at M positions, resized like ``shrunk`` and rounded.

    It works batch by batch, because all images at their original size may not fit into memory.
    """
    height, width, channels = images.pixels.shape[1:]
    size = shrunk_size(height, width, largest)
    if size == (height, width):
        return images.batch(indices)
    small = np.empty((len(indices), *size, channels), np.uint8)
    for start in range(0, len(indices), BATCH):
        batch = images.batch(indices[start : start + BATCH])
        small[start : start + BATCH] = np.rint(shrunk(batch, largest))
    return small


def key_of(weights: Mapping[str, Any], shape: tuple[int, int, int], largest: int) -> str:
    """Return a hash of named float weights. If images of ``shape`` are resized, their new size follows."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name], np.float32)
        digest.update(f"{name}{array.shape}".encode() + array.tobytes())
    size = shrunk_size(*shape[:2], largest)
    resize = "" if size == tuple(shape[:2]) else f"-antialiased{size[0]}x{size[1]}"
    return digest.hexdigest()[:HEX_DIGITS] + resize
