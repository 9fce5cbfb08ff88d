"""Convolutions at stride 1, to a given number of channels.  (B, H, W, C) → (B, H', W', filters)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcgan_kit import (
    Bias,
    Component,
    ConvPadding,
    Dilation,
    Groups,
    Initializer,
    KernelSize,
    Site,
    component,
    hookimpl,
)

if TYPE_CHECKING:
    import keras


@component("convolution")
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
    """Convolve.  (B, H, W, C) → (B, H, W, filters).

    With ``padding: valid`` each side loses dilation · (kernel_size - 1) pixels. With ``symmetric`` it loses one pixel
    if that number is odd, and else nothing. A filter has kernel_size² · C / groups weights.

    Raises:
        ValueError: groups does not divide the channels and the filters.

    LeCun et al. 1989, doi 10.1162/neco.1989.1.4.541; groups: Krizhevsky et al. 2012, doi 10.1145/3065386
    """
    return site.conv(
        kernel_size=kernel_size, padding=padding, dilation=dilation, groups=groups, bias=bias, initializer=initializer
    )


@component("convolution")
def separable_conv(
    site: Site,
    *,
    kernel_size: KernelSize = 3,
    padding: ConvPadding = "same",
    dilation: Dilation = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve each channel separately, then mix the channels of each pixel.  (B, H, W, C) → (B, H, W, filters).

    Chollet 2016, arXiv 1610.02357
    """
    depthwise = site.depthwise_conv(
        kernel_size,
        padding=padding,
        dilation=dilation,
        # A bias here would have no extra effect: the bias of the pointwise convolution covers it.
        bias=False,
        initializer=initializer,
    )
    return [depthwise, site.conv(kernel_size=1, bias=bias, initializer=initializer, name="pointwise")]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every convolution."""
    return [conv, separable_conv]
