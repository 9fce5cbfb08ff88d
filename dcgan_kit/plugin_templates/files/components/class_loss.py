"""Losses of an auxiliary classifier.  class logits (B, K), one-hot classes (B, K) → scalar."""

from typing import Annotated

from dcgan_kit import ClassLoss, component
from pydantic import Field


@component("class_loss")
def smoothed_cross_entropy(
    *, smoothing: Annotated[float, Field(ge=0.0, lt=1.0, description="share that all classes divide equally")] = 0.1
):
    """Minimize the cross-entropy between class logits and smoothed classes.  (B, K), (B, K) → scalar.

    mean(-Σ t log p), with t = (1 - smoothing) · class + smoothing / K; D's loss is that of real images

    Szegedy et al. 2015, arXiv 1512.00567, section 7
    """
    import tensorflow as tf

    def mean(logits, classes):
        # A head with a class for generated images has one logit more than there are classes.
        classes = tf.pad(classes, [[0, 0], [0, logits.shape[-1] - classes.shape[-1]]])
        targets = (1.0 - smoothing) * classes + smoothing / logits.shape[-1]
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def discriminator(real_logits, real_classes, fake_logits, fake_classes):
        return mean(real_logits, real_classes)

    return ClassLoss(mean, discriminator)
