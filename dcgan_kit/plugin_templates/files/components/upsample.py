"""Upsampling: makes a map larger.  (B, H, W, C) → (B, 2H, 2W, ...)."""

from typing import Annotated, Literal

from dcgan_kit import Initializer, KernelSize, Site, component
from pydantic import Field

How = Annotated[Literal["nearest", "bilinear"], Field(description="how the map is enlarged before the convolution")]


@component("upsample")
def enlarge_and_mix(site: Site, *, how: How = "nearest", kernel_size: KernelSize = 3, initializer: Initializer = None):
    """Enlarge, convolve each channel by itself, then mix the channels.  (B, H, W, C) → (B, 2H, 2W, filters).

    Odena et al. 2016, distill.pub/2016/deconv-checkerboard; separable: Chollet 2016, arXiv 1610.02357
    """
    from keras import layers

    height, width, channels = site.input_shape
    larger = (2 * height, 2 * width, channels)
    return [
        layers.UpSampling2D(2, interpolation=how, name="enlarge"),
        site.depthwise_conv(kernel_size, bias=False, input_shape=larger, initializer=initializer, name="each"),
        site.conv(kernel_size=1, input_shape=larger, initializer=initializer, name="mix"),
    ]
