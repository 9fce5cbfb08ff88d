"""Projections: from the latent vector to the first map.  (B, size) → (B, H, W, filters)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

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


@component("projection")
def learned_constant(
    site: Site,
    *,
    size: MapSize = (4, 4),
    modulate: Annotated[bool, Field(description="let the latent vector scale each channel of the map")] = True,
    initializer: Annotated[Initializer, Field(description="draws the map; null: N(0, 1)")] = None,
) -> list[keras.Layer]:
    """Start from a learned map, scaled by the latent vector.  (B, N) → (B, H, W, filters).

    y = c · (W z), with a learned map c (H, W, filters), multiplied per channel by a dense layer W without bias. The
    block's initializer draws W.

    Without ``modulate`` it is y = c: the latent vector does not reach the map, and has to reach a later part.

    Karras et al. 2018, arXiv 1812.04948, section 2 (not modulated); Huang et al. 2025, arXiv 2501.05441, in
    github.com/brownvc/R3GAN (modulated)
    """
    from dcgan_kit_plugins.projection.layers import LearnedMap
    from keras import initializers

    height, width = pair(size)
    seed = site.seed("map")
    draw = initializers.RandomNormal(stddev=1.0, seed=seed) if initializer is None else initializer(seed)
    learned = LearnedMap(height, width, site.filters, modulate, draw, name="map")
    return [site.dense(site.filters, bias=False, name="modulation"), learned] if modulate else [learned]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every projection."""
    return [dense, transposed_conv, learned_constant]
