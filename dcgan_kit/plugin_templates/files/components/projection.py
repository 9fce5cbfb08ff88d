"""Projections: from the latent vector to the first map.  (B, N) → (B, H, W, filters)."""

from typing import Annotated

from dcgan_kit import Initializer, MapSize, Site, component, pair
from pydantic import Field


@component("projection")
def hidden_dense(
    site: Site,
    *,
    size: MapSize = (4, 4),
    hidden: Annotated[int, Field(ge=1, le=65536, description="units of the hidden layer")] = 64,
    initializer: Initializer = None,
):
    """Apply a hidden dense layer with ReLU, then a dense layer, and reshape to a map.  (B, N) → (B, H, W, filters).

    Chen et al. 2016, arXiv 1606.03657, appendix C.1, whose hidden layer has 1024 units
    """
    from keras import layers

    height, width = pair(size)
    return [
        site.dense(hidden, initializer=initializer, name="hidden"),
        layers.ReLU(),
        site.dense(height * width * site.filters, initializer=initializer, name="map"),
        layers.Reshape((height, width, site.filters)),
    ]
