"""Augmentations: random changes of all images that D gets.  (B, H, W, C), probability → (B, H, W, C)."""

from typing import Annotated

from dcgan_kit import Augmentation, component
from pydantic import Field


@component("augmentation")
def pixel_noise(
    *, stddev: Annotated[float, Field(gt=0.0, le=10.0, description="of what is added to each number")] = 0.1
):
    """Add normal noise to an image with the given probability.  (B, H, W, C) → (B, H, W, C).

    Sønderby et al. 2016, arXiv 1610.04490, "instance noise"
    """
    import tensorflow as tf

    def transform(images, probability, random):
        # All random numbers come from ``random``. The first side of a shape is the number of images.
        noise = stddev * random.normal(tuple(images.shape))
        changed = random.uniform((images.shape[0], 1, 1, 1)) < probability
        return images + tf.where(changed, noise, tf.zeros_like(noise))

    return Augmentation(transform)
