"""A batch of images with the class of each image."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from dcgan_kit.networks.side_inputs import inputs_of


class ImageBatch(NamedTuple):
    """Images with their classes.

    Attributes:
        images: float32 (B, H, W, C), in the networks' range.
        classes: one-hot, float32 (B, classes); None if the recipe has no condition.
    """

    images: Any
    classes: Any = None

    def with_images(self, images: Any) -> ImageBatch:
        """Return other images with the same classes."""
        return ImageBatch(images, self.classes)

    def followed_by(self, other: ImageBatch) -> ImageBatch:
        """Return the images of both batches as one batch."""
        classes = None if self.classes is None else tf.concat([self.classes, other.classes], 0)
        return ImageBatch(tf.concat([self.images, other.images], 0), classes)

    def inputs(self, model: Any) -> Any:
        """Return the input of a network that takes images, with the classes if it takes them."""
        return inputs_of(model, self.images, self.classes)
