"""Losses: what generator and discriminator minimize.  real logits, fake logits (B, 1) → scalar."""

from typing import Annotated

from dcgan_kit import AdversarialLoss, component
from pydantic import Field


@component("loss")
def squared_hinge(
    *,
    margin: Annotated[float, Field(gt=0.0, le=100.0, description="distance that D's logits should have from 0")] = 1.0,
):
    """Push D's logits apart up to a margin, with squared errors.  (B, 1), (B, 1) → scalar.

    D: mean(max(0, margin - D(x))²) + mean(max(0, margin + D(G(z)))²);  G: -mean(D(G(z)))

    The hinge loss of Lim, Ye 2017, arXiv 1705.02894, with its errors squared
    """
    import tensorflow as tf

    def generator(real_logits, fake_logits, random):
        return -tf.reduce_mean(fake_logits)

    def discriminator(real_logits, fake_logits, random):
        real = tf.reduce_mean(tf.square(tf.nn.relu(margin - real_logits)))
        return real + tf.reduce_mean(tf.square(tf.nn.relu(margin + fake_logits)))

    return AdversarialLoss(generator, discriminator)
