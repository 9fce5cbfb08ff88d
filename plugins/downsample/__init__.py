"""Downsampling: to a smaller map, or a map of the same size.  (B, H, W, C) → (B, H', W', C').

Components with a convolution return the block's number of filters. Components without one keep the number of channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import (
    Bias,
    Component,
    ConvPadding,
    Dilation,
    Groups,
    Initializer,
    KernelSize,
    Padding,
    PoolSize,
    Site,
    Stride,
    component,
    hookimpl,
    pair,
)

if TYPE_CHECKING:
    import keras

PoolStride = Annotated[
    Stride | None,
    Field(description="stride of the window in pixels, or [vertical, horizontal]; null: the window's size"),
]

Taps = Annotated[
    tuple[Annotated[float, Field(ge=-100.0, le=100.0)], ...],
    Field(min_length=2, max_length=8, description="the filter along each axis; it is divided by its sum"),
]


@component("downsample")
def strided_conv(
    site: Site,
    *,
    kernel_size: KernelSize = 4,
    stride: Stride = 2,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    groups: Groups = 1,
    zeros_after: Annotated[
        int, Field(ge=0, le=8, description="rows of zeros below the result, and columns of zeros to its right")
    ] = 0,
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer | list[keras.Layer]:
    """Convolve with a stride, so that the network learns its own pooling.  (B, H, W, C) → (B, H/2, W/2, filters).

    At stride 2, kernels of 3 and 5 pixels see other pixels with ``padding: symmetric`` than with ``same``: on an even
    side, ``same`` has a pixel of padding more after the last pixel than before the first. PyTorch's networks have
    ``symmetric``, those of TensorFlow and Keras ``same``. A 4x4 kernel on an even side is the same with both.

    ``zeros_after`` makes an odd map even: the zeros are part of the result, also for a normalization after it.

    Raises:
        ValueError: stride and dilation are both above 1; groups does not divide the channels and the filters.

    Radford et al. 2015, arXiv 1511.06434; Springenberg et al. 2014, arXiv 1412.6806; zeros:
    github.com/eriklindernoren/Keras-GAN
    """
    if max(pair(stride)) > 1 and max(pair(dilation)) > 1:
        raise ValueError(f"stride or dilation must be 1. Received: stride={stride}, dilation={dilation}")
    made = site.conv(
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=bias,
        initializer=initializer,
    )
    if not zeros_after:
        return made
    from keras import layers

    return [made, layers.ZeroPadding2D(((0, zeros_after), (0, zeros_after)), name="zeros")]


@component("downsample")
def conv(
    site: Site,
    *,
    kernel_size: KernelSize = 3,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    groups: Groups = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer:
    """Convolve at stride 1, for a stage that keeps the map's size.  (B, H, W, C) → (B, H, W, filters)."""
    return site.conv(
        kernel_size=kernel_size, padding=padding, dilation=dilation, groups=groups, bias=bias, initializer=initializer
    )


@component("downsample")
def max_pool(*, pool_size: PoolSize = 2, stride: PoolStride = None, padding: Padding = "valid") -> keras.Layer:
    """Keep the maximum of each window.  (B, H, W, C) → (B, H/2, W/2, C).

    Only the maxima get a gradient. Radford et al. 2015 advise against max pooling in a DCGAN.

    Riesenhuber, Poggio 1999, doi 10.1038/14819
    """
    from keras import layers

    return layers.MaxPooling2D(pair(pool_size), strides=stride and pair(stride), padding=padding)


@component("downsample")
def average_pool(*, pool_size: PoolSize = 2, stride: PoolStride = None, padding: Padding = "valid") -> keras.Layer:
    """Keep the mean of each window.  (B, H, W, C) → (B, H/2, W/2, C).

    LeCun et al. 1998, doi 10.1109/5.726791
    """
    from keras import layers

    return layers.AveragePooling2D(pair(pool_size), strides=stride and pair(stride), padding=padding)


@component("downsample")
def conv_max_pool(
    site: Site,
    *,
    kernel_size: KernelSize = 3,
    pool_size: PoolSize = 2,
    stride: PoolStride = None,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    groups: Groups = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve, then keep the maximum of each window.  (B, H, W, C) → (B, H/2, W/2, filters)."""
    from keras import layers

    return [
        site.conv(
            kernel_size=kernel_size,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            initializer=initializer,
        ),
        layers.MaxPooling2D(pair(pool_size), strides=stride and pair(stride), name="pool"),
    ]


@component("downsample")
def conv_average_pool(
    site: Site,
    *,
    kernel_size: KernelSize = 3,
    pool_size: PoolSize = 2,
    stride: PoolStride = None,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    groups: Groups = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve, then keep the mean of each window.  (B, H, W, C) → (B, H/2, W/2, filters).

    The discriminator of Gulrajani et al. 2017, arXiv 1704.00028, and of Karras et al. 2017, arXiv 1710.10196
    """
    from keras import layers

    return [
        site.conv(
            kernel_size=kernel_size,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            initializer=initializer,
        ),
        layers.AveragePooling2D(pair(pool_size), strides=stride and pair(stride), name="pool"),
    ]


@component("downsample")
def blur_pool(
    site: Site,
    *,
    size: Annotated[int, Field(ge=2, le=7, description="side of the binomial filter in pixels")] = 3,
    stride: Annotated[int, Field(ge=1, le=8, description="stride of the filter in pixels, in both directions")] = 2,
) -> keras.Layer:
    """Blur with a fixed binomial filter, then subsample without aliasing.  (B, H, W, C) → (B, H/2, W/2, C).

    Each side becomes ⌈side / stride⌉. The border is padded by reflection, so a constant map stays constant.

    Raises:
        ValueError: the map is too small to reflect half of the filter.

    Zhang 2019, arXiv 1904.11486
    """
    from dcgan_kit_plugins.downsample.layers import BlurPool

    height, width, _ = site.input_shape
    if min(height, width) <= size // 2:
        raise ValueError(f"sides of the map must exceed half of size. Received: map {height}x{width}, size={size}")
    return BlurPool(size, stride)


@component("downsample")
def fir(*, taps: Taps = (1.0, 3.0, 3.0, 1.0)) -> keras.Layer:
    """Halve height and width with a fixed filter.  (B, H, W, C) → (B, H/2, W/2, C).

    It is a convolution of each channel at stride 2 by the outer product of the taps, after padding of
    (number of taps - 1) / 2 zeros, rounded down, on each side: 1 for the default. An odd side is rounded down for an
    even number of taps, and else up. ``blur_pool`` pads by reflection instead. The component ``fir`` of kind upsample
    is the transpose, times 4.

    Raises:
        ValueError: the sum of the taps is 0.

    Karras et al. 2019, arXiv 1912.04958; Huang et al. 2025, arXiv 2501.05441
    """
    from dcgan_kit_plugins.downsample.layers import FIRDownsample

    if sum(taps) == 0:
        raise ValueError(f"the sum of the taps must not be 0. Received: taps={list(taps)}")
    return FIRDownsample(taps)


@component("downsample")
def space_to_depth(
    site: Site,
    *,
    block_size: Annotated[int, Field(ge=2, le=8, description="side of a block of pixels; must divide the map's")] = 2,
    kernel_size: KernelSize = 1,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Move each block of pixels into the channels, then convolve.  (B, H, W, C) → (B, H/2, W/2, filters).

    The move loses nothing. ``pixel_shuffle`` makes the inverse move.

    Raises:
        ValueError: block_size does not divide height and width.

    Sajjadi et al. 2018, arXiv 1801.04590; Shi et al. 2016, arXiv 1609.05158
    """
    from dcgan_kit_plugins.downsample.layers import SpaceToDepth

    height, width, channels = site.input_shape
    if height % block_size or width % block_size:
        raise ValueError(
            f"block_size must divide height and width. Received: block_size={block_size}, map {height}x{width}"
        )
    moved = (height // block_size, width // block_size, channels * block_size**2)
    return [
        SpaceToDepth(block_size),
        site.conv(
            kernel_size=kernel_size,
            padding=padding,
            dilation=dilation,
            input_shape=moved,
            bias=bias,
            initializer=initializer,
        ),
    ]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every downsampling component."""
    return [
        strided_conv,
        conv,
        max_pool,
        average_pool,
        conv_max_pool,
        conv_average_pool,
        blur_pool,
        fir,
        space_to_depth,
    ]
