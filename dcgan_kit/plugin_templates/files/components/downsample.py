"""Downsampling: makes a map smaller.  (B, H, W, C) → (B, H/2, W/2, C)."""

from typing import Annotated

from dcgan_kit import Site, component
from pydantic import Field


@component("downsample")
def mixed_pool(
    site: Site,
    *,
    share: Annotated[float, Field(ge=0.0, le=1.0, description="share of the maximum; the mean has the rest")] = 0.5,
):
    """Mix the maximum and the mean of each 2x2 window.  (B, H, W, C) → (B, H/2, W/2, C).

    y = share · max + (1 - share) · mean

    Lee et al. 2015, arXiv 1509.08985, equation 1
    """
    from keras import Input, Model, layers

    # A functional model, so that dcgan-kit sees the layers inside.
    x = Input(site.input_shape)
    largest = layers.Rescaling(share)(layers.MaxPooling2D(2, padding="same")(x))
    mean = layers.Rescaling(1.0 - share)(layers.AveragePooling2D(2, padding="same")(x))
    return Model(x, layers.Add()([largest, mean]))
