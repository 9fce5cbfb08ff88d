"""Random shifts and flips, drawn for each image. Gradients flow through them, and all shapes are static."""

from __future__ import annotations

from typing import Any

from dcgan_kit import RandomStream


def change_mask(count: int, probability: Any, random: RandomStream) -> Any:
    """Return float32 (count, 1, 1, 1): 1 with the given probability, else 0. 1 means that an image is changed."""
    import tensorflow as tf

    return tf.cast(random.uniform((count, 1, 1, 1)) < probability, tf.float32)


def flipped(images: Any, probability: Any, random: RandomStream) -> Any:
    """Mirror each image left and right with half the given probability."""
    import tensorflow as tf

    columns = tf.range(images.shape[2])[None]
    mirrored = random.uniform((images.shape[0], 1)) < 0.5 * probability
    # On a CPU, gathering columns is faster than mirroring all images and then choosing.
    return tf.gather(images, tf.where(mirrored, columns[:, ::-1], columns), axis=2, batch_dims=1)


def shifted(images: Any, reach: tuple[int, int], probability: Any, random: RandomStream) -> Any:
    """Shift by whole pixels, uniform within ±reach (vertical, horizontal), padded with 0."""
    import tensorflow as tf

    count, height, width, _ = images.shape
    coin = tf.reshape(change_mask(count, probability, random), (count, 1))
    inside = 1.0
    for axis, side, far in ((1, height, reach[0]), (2, width, reach[1])):
        offsets = coin * (tf.floor(random.uniform((count, 1)) * (2 * far + 1)) - far)
        source = tf.range(side)[None] + tf.cast(offsets, tf.int32)
        # Gathering rows and columns is exact, and on a CPU faster than products of one-hot matrices.
        images = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        held = tf.cast((source >= 0) & (source < side), tf.float32)
        inside *= held[:, :, None, None] if axis == 1 else held[:, None, :, None]
    return images * inside
