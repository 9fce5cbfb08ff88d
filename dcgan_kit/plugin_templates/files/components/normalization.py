"""Normalizations: centre and scale features.  (B, ...) → (B, ...)."""

from typing import Annotated

from dcgan_kit import Site, component
from pydantic import Field


@component("normalization")
def scaled_batch(
    site: Site,
    *,
    momentum: Annotated[float, Field(ge=0.0, lt=1.0, description="share of the running statistics that is kept")] = 0.9,
):
    """Normalize each channel over the batch, and learn a scale but no shift.  (B, H, W, C) → (B, H, W, C).

    y = gamma (x - mean) / √(variance + epsilon), with epsilon = 1e-5

    Ioffe, Szegedy 2015, arXiv 1502.03167, without beta
    """
    from keras import layers

    return layers.BatchNormalization(momentum=momentum, epsilon=1e-5, center=False)
