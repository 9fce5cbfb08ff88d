"""Upsampling: to a larger map, or a map of the same size.  (B, H, W, C) → (B, H', W', C').

Components with a convolution return the block's number of filters. Components without one keep the number of channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dcgan_kit import (
    Bias,
    Component,
    ConvPadding,
    Dilation,
    Groups,
    Initializer,
    KernelSize,
    Site,
    Stride,
    component,
    hookimpl,
    pair,
)

if TYPE_CHECKING:
    import keras

Factor = Annotated[Stride, Field(description="scale factor of the map, or [vertical, horizontal]")]

Taps = Annotated[
    tuple[Annotated[float, Field(ge=-100.0, le=100.0)], ...],
    Field(min_length=2, max_length=8, description="the filter along each axis; it is divided by its sum"),
]


@component("upsample")
def nearest(*, factor: Factor = 2) -> keras.Layer:
    """Repeat rows and columns.  (B, H, W, C) → (B, 2H, 2W, C)."""
    from keras import layers

    return layers.UpSampling2D(pair(factor), interpolation="nearest")


@component("upsample")
def bilinear(*, factor: Factor = 2) -> keras.Layer:
    """Interpolate linearly between rows and columns.  (B, H, W, C) → (B, 2H, 2W, C).

    Pixels are squares whose centres are interpolated, as with ``align_corners=False`` of PyTorch.

    XLA computes odd factors wrongly. With ``training.xla: auto``, training then runs without XLA.
    """
    from keras import layers

    return layers.UpSampling2D(pair(factor), interpolation="bilinear")


@component("upsample")
def fir(*, taps: Taps = (1.0, 3.0, 3.0, 1.0)) -> keras.Layer:
    """Double height and width with a fixed filter.  (B, H, W, C) → (B, 2H, 2W, C).

    It is a transposed convolution of each channel at stride 2 by the outer product of the taps, times 4. It cuts off
    (number of taps - 1) / 2 pixels, rounded down, before the first: 1 for the default. Beyond the border are zeros, so
    the map gets darker there. Elsewhere the default is ``bilinear``.

    Raises:
        ValueError: the sum of the taps is 0.

    Karras et al. 2018, arXiv 1812.04948; Karras et al. 2019, arXiv 1912.04958; Huang et al. 2025, arXiv 2501.05441
    """
    from dcgan_kit_plugins.upsample.layers import FIRUpsample

    if sum(taps) == 0:
        raise ValueError(f"the sum of the taps must not be 0. Received: taps={list(taps)}")
    return FIRUpsample(taps)


@component("upsample")
def transposed_conv(
    site: Site,
    *,
    kernel_size: KernelSize = 4,
    stride: Stride = 2,
    padding: ConvPadding = "same",
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer:
    """Apply a transposed convolution.  (B, H, W, C) → (B, 2H, 2W, filters).

    With ``padding: same`` and ``symmetric`` a side becomes side · stride. With ``valid`` it becomes
    (side - 1) · stride + kernel_size, or side · stride if the kernel is smaller than the stride. ``symmetric`` keeps
    other pixels of that than ``same``: it cuts off (kernel_size - 1) / 2 pixels, rounded down, before the first. At
    stride 2, kernels of 3 and 5 pixels are then PyTorch's ``ConvTranspose2d`` with ``padding`` 1 and 2 and
    ``output_padding=1``, and one of 4 is the same with both.

    If the stride does not divide kernel_size, kernels overlap unevenly and draw a checkerboard
    (distill.pub/2016/deconv-checkerboard).

    Radford et al. 2015, arXiv 1511.06434; Dumoulin, Visin 2016, arXiv 1603.07285
    """
    return site.transposed_conv(
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        bias=bias,
        initializer=initializer,
    )


@component("upsample")
def resize_conv(
    site: Site,
    *,
    factor: Factor = 2,
    kernel_size: KernelSize = 3,
    interpolation: Annotated[
        Literal["nearest", "bilinear", "bicubic"], Field(description="interpolation of the resize")
    ] = "nearest",
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    groups: Groups = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Resize, then convolve, without a checkerboard.  (B, H, W, C) → (B, 2H, 2W, filters).

    XLA does not support ``bicubic``, and computes ``bilinear`` wrongly with an odd factor. With ``training.xla: auto``,
    training then runs without XLA.

    Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from keras import layers

    height, width, channels = site.input_shape
    down, across = pair(factor)
    return [
        layers.UpSampling2D((down, across), interpolation=interpolation, name="resize"),
        site.conv(
            kernel_size=kernel_size,
            input_shape=(height * down, width * across, channels),
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            initializer=initializer,
        ),
    ]


@component("upsample")
def pixel_shuffle(
    site: Site,
    *,
    factor: Annotated[int, Field(ge=2, le=8, description="scale factor of the map")] = 2,
    kernel_size: KernelSize = 3,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve to factor² · filters channels, then move these into pixels.  (B, H, W, C) → (B, 2H, 2W, filters).

    All factor² sub-pixels start with the same weights (ICNR). So training starts without a checkerboard, as with
    nearest-neighbour resizing.

    Shi et al. 2016, arXiv 1609.05158; Aitken et al. 2017, arXiv 1707.02937
    """
    from dcgan_kit_plugins.upsample.layers import ICNR, DepthToSpace

    draw = initializer or site.initializer
    return [
        site.conv(
            site.filters * factor**2,
            kernel_size,
            padding=padding,
            dilation=dilation,
            bias=bias,
            initializer=lambda seed: ICNR(draw(seed), factor**2),
        ),
        DepthToSpace(factor),
    ]


@component("upsample")
def conv(
    site: Site,
    *,
    kernel_size: KernelSize = 3,
    dilation: Dilation = 1,
    groups: Groups = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer:
    """Convolve at stride 1, for a stage that keeps the map's size.  (B, H, W, C) → (B, H, W, filters).

    The padding is always ``same``, because upsampling never makes a map smaller. Components of the slot
    ``convolution`` also have ``padding: valid``.
    """
    return site.conv(kernel_size=kernel_size, dilation=dilation, groups=groups, bias=bias, initializer=initializer)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every upsampling component."""
    return [nearest, bilinear, fir, transposed_conv, resize_conv, pixel_shuffle, conv]
