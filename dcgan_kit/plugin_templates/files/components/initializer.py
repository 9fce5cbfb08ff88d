"""Initializers: draw first weights.  seed → Keras initializer."""

from typing import Annotated

from dcgan_kit import component
from pydantic import Field


@component("initializer")
def fan_out_normal(
    seed: int, *, gain: Annotated[float, Field(gt=0.0, le=100.0, description="factor of the standard deviation")] = 1.0
):
    """Draw from a truncated normal of variance gain² / fan_out, which keeps the size of gradients.

    He et al. 2015, arXiv 1502.01852, section 2.2, backward propagation; gain √2 is for relu
    """
    from keras import initializers

    return initializers.VarianceScaling(gain**2, mode="fan_out", distribution="truncated_normal", seed=seed)
