"""Penalties: what the discriminator minimizes besides its loss.  (D, (B, H, W, C), (B, H, W, C)) → scalar."""

from typing import Annotated

from dcgan_kit import Penalty, component
from pydantic import Field


@component("penalty")
def logit_drift(
    *,
    weight: Annotated[float, Field(gt=0.0, le=1e6, description="factor of the penalty")] = 0.001,
    every: Annotated[int, Field(ge=1, le=10_000, description="updates of D from one penalty to the next")] = 1,
):
    """Keep D's logits of real images near 0.  D, (B, H, W, C) x 2 → scalar.

    weight · mean(D(x)²)

    Karras et al. 2017, arXiv 1710.10196, appendix A.1
    """
    import tensorflow as tf

    def value(discriminator, real, fake, random):
        return weight * tf.reduce_mean(tf.square(discriminator(real)))

    return Penalty(value, every)
