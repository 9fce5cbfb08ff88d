"""Convolutions at stride 1.  (B, H, W, C) → (B, H, W, filters)."""

from typing import Annotated

from dcgan_kit import Initializer, Site, component
from pydantic import Field


@component("convolution")
def row_then_column(
    site: Site,
    *,
    size: Annotated[int, Field(ge=1, le=31, description="length of both kernels in pixels")] = 3,
    initializer: Initializer = None,
):
    """Convolve along rows, then along columns: 2n weights in place of n².  (B, H, W, C) → (B, H, W, filters).

    Szegedy et al. 2015, arXiv 1512.00567, section 3.2
    """
    height, width, _ = site.input_shape
    return [
        site.conv(kernel_size=(1, size), bias=False, initializer=initializer, name="row"),
        site.conv(
            kernel_size=(size, 1), input_shape=(height, width, site.filters), initializer=initializer, name="column"
        ),
    ]
