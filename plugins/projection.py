"""Projections: from the latent vector to the first map.  (B, size) → (B, H, W, filters)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dcgan_kit import (
    Bias,
    Component,
    ConvPadding,
    Initializer,
    KernelSize,
    MapSize,
    Site,
    Stride,
    component,
    hookimpl,
    pair,
)

if TYPE_CHECKING:
    import keras


@component("projection")
def dense(
    site: Site,
    *,
    size: MapSize = (4, 4),
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Apply a dense layer, then reshape to a map.  (B, N) → (B, H, W, filters).

    Radford et al. 2015, arXiv 1511.06434, figure 1
    """
    from keras import layers

    height, width = pair(size)
    return [
        site.dense(height * width * site.filters, bias=bias, initializer=initializer),
        layers.Reshape((height, width, site.filters)),
    ]


@component("projection")
def transposed_conv(
    site: Site,
    *,
    kernel_size: KernelSize = 4,
    stride: Stride = 1,
    padding: ConvPadding = "valid",
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Apply a transposed convolution to the vector as a map of one pixel.  (B, N) → (B, H, W, filters).

    With ``padding: valid``, H and W are the kernel size, or the stride if that is larger. With ``same`` and
    ``symmetric``, they are the stride. With ``valid`` it equals ``dense``, but with one bias per filter, not per unit.

    pytorch/examples, dcgan/main.py
    """
    from keras import layers

    return [
        layers.Reshape((1, 1, math.prod(site.input_shape))),
        site.transposed_conv(
            kernel_size=kernel_size, stride=stride, padding=padding, bias=bias, initializer=initializer
        ),
    ]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every projection."""
    return [dense, transposed_conv]
