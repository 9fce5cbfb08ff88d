"""Heads: from the discriminator's last map to one logit.  (B, H, W, C) → (B, 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Bias, Component, Initializer, KernelSize, Site, Stride, component, hookimpl, pair

if TYPE_CHECKING:
    import keras

DropoutRate = Annotated[
    float, Field(ge=0.0, lt=1.0, description="share of the features dropped before the dense layer")
]


@component("head")
def dense(
    site: Site, *, dropout: DropoutRate = 0.0, bias: Bias = None, initializer: Initializer = None
) -> list[keras.Layer]:
    """Flatten, apply dropout in training, then a dense layer.  (B, H, W, C) → (B, 1).

    Radford et al. 2015, arXiv 1511.06434; dropout: keras.io/examples/generative/dcgan_overriding_train_step
    """
    from keras import layers

    return [
        layers.Flatten(),
        *([layers.Dropout(dropout, seed=site.seed("dropout"))] if dropout else []),
        site.dense(1, bias=bias, initializer=initializer),
    ]


@component("head")
def conv(
    site: Site,
    *,
    kernel_size: Annotated[
        KernelSize | None,
        Field(description="side of the kernel in pixels, or [height, width]; null: that of the whole map"),
    ] = None,
    stride: Stride = 1,
    bias: Bias = None,
    initializer: Initializer = None,
) -> list[keras.Layer]:
    """Convolve without padding to a map of one pixel.  (B, H, W, C) → (B, 1).

    Raises:
        ValueError: the kernel fits into the map at more than one position, or at none.

    pytorch/examples, dcgan/main.py
    """
    from keras import layers

    height, width, _ = site.input_shape
    kernel = (height, width) if kernel_size is None else pair(kernel_size)
    steps = pair(stride)
    places = [(side - taps) // step + 1 for side, taps, step in zip((height, width), kernel, steps, strict=True)]
    if places != [1, 1]:
        raise ValueError(
            "kernel_size and stride must let the kernel fit into the map exactly once. "
            f"Received: map {height}x{width}, kernel_size={kernel}, stride={steps}. "
            "Leave out kernel_size, or change the stages before."
        )
    return [site.conv(1, kernel, stride=steps, padding="valid", bias=bias, initializer=initializer), layers.Flatten()]


@component("head")
def sum_pool_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Sum each channel over the map, then apply a dense layer.  (B, H, W, C) → (B, 1).

    Miyato, Koyama 2018, arXiv 1802.05637; PyTorch-StudioGAN, src/models/deep_conv.py
    """
    from keras import layers

    height, width, _ = site.input_shape
    return [
        layers.GlobalAveragePooling2D(),
        layers.Rescaling(height * width),
        site.dense(1, bias=bias, initializer=initializer),
    ]


@component("head")
def average_pool_dense(site: Site, *, bias: Bias = None, initializer: Initializer = None) -> list[keras.Layer]:
    """Average each channel over the map, then apply a dense layer.  (B, H, W, C) → (B, 1).

    Lin et al. 2013, arXiv 1312.4400, section 3.2
    """
    from keras import layers

    return [layers.GlobalAveragePooling2D(), site.dense(1, bias=bias, initializer=initializer)]


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every head."""
    return [dense, conv, sum_pool_dense, average_pool_dense]
