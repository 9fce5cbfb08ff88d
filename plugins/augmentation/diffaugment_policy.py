"""The changes of DiffAugment, Zhao et al. 2020, arXiv 2006.10738.  (B, H, W, C), probability → (B, H, W, C)."""

from __future__ import annotations

from typing import Any

from dcgan_kit_plugins.augmentation.translation import change_mask, shifted

from dcgan_kit import RandomStream

TRANSLATION = 0.125
"""Largest shift, as a share of the side."""
CUTOUT = 0.5
"""Side of the hole, as a share of the image's side."""


def color(images: Any, probability: Any, random: RandomStream) -> Any:
    """Change brightness, saturation and contrast."""
    import tensorflow as tf

    count, *_, channels = images.shape

    def amount() -> Any:
        # Uniform in ±1/2. An image that is not chosen gets exactly 0, which changes nothing in all three formulas.
        return change_mask(count, probability, random) * (random.uniform((count, 1, 1, 1)) - 0.5)

    images += amount()
    if channels > 1:
        images += 2.0 * amount() * (images - tf.reduce_mean(images, axis=3, keepdims=True))
    return images + amount() * (images - tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True))


def share_of(side: int, share: float) -> int:
    """Return a share of a side in whole pixels. Halves round up, as in the published code and unlike ``round``."""
    return int(side * share + 0.5)


def translation(images: Any, probability: Any, random: RandomStream) -> Any:
    """Shift by up to an eighth of each side, padded with 0."""
    reach = share_of(images.shape[1], TRANSLATION), share_of(images.shape[2], TRANSLATION)
    return shifted(images, reach, probability, random)


def cutout(images: Any, probability: Any, random: RandomStream) -> Any:
    """Set a rectangle of half the sides to 0. A part of it can lie outside the image."""
    import tensorflow as tf

    count, height, width, _ = images.shape
    hole = change_mask(count, probability, random)
    for axis, side in ((1, height), (2, width)):
        size = share_of(side, CUTOUT)
        centre = tf.floor(random.uniform((count, 1)) * (side + 1 - size % 2))
        place = tf.range(side, dtype=tf.float32)[None] - (centre - size // 2)
        within = tf.cast((place >= 0.0) & (place < size), tf.float32)
        hole *= within[:, :, None, None] if axis == 1 else within[:, None, :, None]
    return images * (1.0 - hole)
