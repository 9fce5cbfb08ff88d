"""Random moves of images, each image by its own, through which gradients flow; all shapes are static."""

from __future__ import annotations

from typing import Any

from dcgan_kit import RandomStream


def struck(count: int, probability: Any, random: RandomStream) -> Any:
    """Return float32 (count, 1, 1, 1): 1 where a change is made, with the probability given, else 0."""
    import tensorflow as tf

    return tf.cast(random.uniform((count, 1, 1, 1)) < probability, tf.float32)


def flipped(images: Any, probability: Any, random: RandomStream) -> Any:
    """Mirror left and right with half the probability: at 1 all images are as often mirrored as not."""
    import tensorflow as tf

    columns = tf.range(images.shape[2])[None]
    mirrored = random.uniform((images.shape[0], 1)) < 0.5 * probability
    # On a processor, reversing all images and choosing takes longer than gathering the columns.
    return tf.gather(images, tf.where(mirrored, columns[:, ::-1], columns), axis=2, batch_dims=1)


def shifted(images: Any, reach: tuple[int, int], probability: Any, random: RandomStream) -> Any:
    """Move by whole pixels, uniform within ±reach (vertical, horizontal); what moves in is 0."""
    import tensorflow as tf

    count, height, width, _ = images.shape
    coin = tf.reshape(struck(count, probability, random), (count, 1))
    inside = 1.0
    for axis, side, far in ((1, height, reach[0]), (2, width, reach[1])):
        offsets = coin * (tf.floor(random.uniform((count, 1)) * (2 * far + 1)) - far)
        source = tf.range(side)[None] + tf.cast(offsets, tf.int32)
        # Gathering rows and columns is exact, and quicker on a processor than products of one-hot matrices.
        images = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
        held = tf.cast((source >= 0) & (source < side), tf.float32)
        inside *= held[:, :, None, None] if axis == 1 else held[:, None, :, None]
    return images * inside
