"""Ways up: to a larger map, or one of the same size.  (B, H, W, C) → (B, H', W', C').

Convolutions return the block's filters; plain resizing keeps the channels that come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dcgan_kit import (
    Bias,
    Component,
    Dilation,
    Initializer,
    KernelSize,
    Padding,
    Site,
    Stride,
    component,
    hookimpl,
    pair,
)

if TYPE_CHECKING:
    import keras

Factor = Annotated[Stride, Field(description="how many times larger the map becomes, or [vertical, horizontal]")]


@component("upsample")
def nearest(*, factor: Factor = 2) -> keras.Layer:
    """Repeat rows and columns.  (B, H, W, C) → (B, 2H, 2W, C)."""
    from keras import layers

    return layers.UpSampling2D(pair(factor), interpolation="nearest")


@component("upsample")
def bilinear(*, factor: Factor = 2) -> keras.Layer:
    """Interpolate linearly between rows and columns.  (B, H, W, C) → (B, 2H, 2W, C)."""
    from keras import layers

    return layers.UpSampling2D(pair(factor), interpolation="bilinear")


@component("upsample")
def transposed_conv(
    site: Site,
    *,
    kernel_size: KernelSize = 4,
    stride: Stride = 2,
    padding: Padding = "same",
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer:
    """Convolve, transposed: each pixel paints a kernel.  (B, H, W, C) → (B, 2H, 2W, filters).

    same: side · stride.  valid: (side - 1) · stride + kernel_size, or side · stride if the kernel is smaller.
    A kernel that the stride does not divide overlaps unevenly: a checkerboard (distill.pub/2016/deconv-checkerboard).

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
        Literal["nearest", "bilinear", "bicubic"], Field(description="what lies between the pixels that come")
    ] = "nearest",
    padding: Padding = "same",
    dilation: Dilation = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Resize, then convolve: no checkerboard.  (B, H, W, C) → (B, 2H, 2W, filters).

    XLA has no ``bicubic``: with ``training.xla: auto`` training does without it.

    Odena et al. 2016, distill.pub/2016/deconv-checkerboard
    """
    from keras import layers

    return [
        layers.UpSampling2D(pair(factor), interpolation=interpolation, name="resize"),
        site.conv(kernel_size=kernel_size, padding=padding, dilation=dilation, bias=bias, initializer=initializer),
    ]


@component("upsample")
def pixel_shuffle(
    site: Site,
    *,
    factor: Annotated[int, Field(ge=2, le=8, description="how many times larger the map becomes")] = 2,
    kernel_size: KernelSize = 3,
    padding: Padding = "same",
    dilation: Dilation = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve to factor² · filters channels, then lay these out as pixels.  (B, H, W, C) → (B, 2H, 2W, filters).

    First weights are drawn once for each of the factor² sub-pixels (ICNR), so that training starts without a
    checkerboard: as nearest resizing would.

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
    bias: Bias = None,
    initializer: Initializer = None,
) -> keras.Layer:
    """Convolve at stride 1: a stage that keeps the map's size.  (B, H, W, C) → (B, H, W, filters).

    Always padded: an up-sampling never makes a map smaller. The slot ``convolution`` offers valid padding.
    """
    return site.conv(kernel_size=kernel_size, dilation=dilation, bias=bias, initializer=initializer)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every way up."""
    return [nearest, bilinear, transposed_conv, resize_conv, pixel_shuffle, conv]
