"""The changes of DiffAugment, Zhao et al. 2020, arXiv 2006.10738.  (B, H, W, C), probability → (B, H, W, C)."""

from __future__ import annotations

from typing import Any

from dcgan_kit_plugins.augmentation.translation import shifted, struck

from dcgan_kit import RandomStream

TRANSLATION = 0.125
"""Share of a side that an image moves at most."""
CUTOUT = 0.5
"""Share of a side that a hole has."""


def color(images: Any, probability: Any, random: RandomStream) -> Any:
    """Change brightness, saturation, contrast."""
    import tensorflow as tf

    count, *_, channels = images.shape

    def amount() -> Any:
        # Uniform in ±1/2, and exactly 0 for an image that is not struck, which all three formulas leave as it is.
        return struck(count, probability, random) * (random.uniform((count, 1, 1, 1)) - 0.5)

    images += amount()
    if channels > 1:
        images += 2.0 * amount() * (images - tf.reduce_mean(images, axis=3, keepdims=True))
    return images + amount() * (images - tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True))


def share_of(side: int, share: float) -> int:
    """Return a share of a side in whole pixels, halves upwards, as the published code has it: not as ``round`` does."""
    return int(side * share + 0.5)


def translation(images: Any, probability: Any, random: RandomStream) -> Any:
    """Move by up to an eighth of each side; what moves in is 0."""
    reach = share_of(images.shape[1], TRANSLATION), share_of(images.shape[2], TRANSLATION)
    return shifted(images, reach, probability, random)


def cutout(images: Any, probability: Any, random: RandomStream) -> Any:
    """Put 0 into a rectangle of half the sides; part of it may lie outside."""
    import tensorflow as tf

    count, height, width, _ = images.shape
    hole = struck(count, probability, random)
    for axis, side in ((1, height), (2, width)):
        size = share_of(side, CUTOUT)
        centre = tf.floor(random.uniform((count, 1)) * (side + 1 - size % 2))
        place = tf.range(side, dtype=tf.float32)[None] - (centre - size // 2)
        within = tf.cast((place >= 0.0) & (place < size), tf.float32)
        hole *= within[:, :, None, None] if axis == 1 else within[:, None, :, None]
    return images * (1.0 - hole)
