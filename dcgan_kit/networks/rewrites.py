"""Which layers of a network one fused operation can compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from dcgan_kit.networks import fused_ops
from dcgan_kit.networks.accelerator import has_accelerator
from dcgan_kit.networks.model_calls import ModelCall
from dcgan_kit.networks.product_gradients import suits_products
from dcgan_kit.networks.reparametrization import Reparametrization

FEW_CHANNELS = 4
"""Most input channels for which a 4x4 convolution at stride 2 is faster on blocks of pixels."""
LEAST_CHANNELS = 2
"""Least channels of a map for which the fused batch normalization is faster than Keras' layer."""
LEAST_FEATURES = 2048
"""Least features of a vector for which the fused batch normalization is faster than Keras' layer."""


@dataclass(frozen=True)
class Rewrite:
    """A fused operation for ``count`` layers in a row: run(*layers, x, training)."""

    count: int
    becomes: str
    run: Callable[..., Any]


def rewrites(call: ModelCall, following: ModelCall | None) -> Iterator[Rewrite]:
    """Yield the fused operations that can replace a layer, or this layer and the one that follows it."""
    first, shape, second = plain_of(call.operation), call.shape, following and plain_of(following.operation)
    if _is_resizing(first) and _is_convolution(second, kernel=3, stride=1):
        yield Rewrite(
            2,
            "one 4x4 transposed convolution, stride 2",
            lambda resize, convolution, x, _: fused_ops.resized_convolution(resize, convolution, x),
        )
    pooled = _is_mean_of_four(second) and _even(shape)
    if pooled and _is_convolution(first, kernel=3, stride=1) and first.activation is keras.activations.linear:
        yield Rewrite(
            2,
            "one 4x4 convolution, stride 2",
            lambda convolution, pool, x, _: fused_ops.pooled_convolution(convolution, pool, x),
        )
    if _is_convolution(first, kernel=4, stride=2) and _even(shape) and shape[-1] <= FEW_CHANNELS:
        yield Rewrite(
            1,
            "one 2x2 convolution on blocks of 2x2 pixels",
            lambda convolution, x, _: fused_ops.first_convolution(convolution, x),
        )
    if is_batch_normalization(first, shape) and _suits_fused_kernel(first, shape):
        yield Rewrite(1, "fused batch normalization", fused_ops.fused_batch_normalization)
    by_products = _by_products(first, shape)
    if by_products is not None:
        becomes = "its gradient by weights is of matrix products, for small batches of small maps"
        yield Rewrite(1, becomes, lambda convolution, x, _: by_products(convolution, x))
    if _is_dropout_in_bfloat16(first) and not has_accelerator():
        yield Rewrite(1, "dropout with 16 random bits for each number", fused_ops.dropout_by_halves)
    if _is_grouped(first) and not has_accelerator():
        yield Rewrite(
            1,
            f"{first.groups} convolutions, one for each group",
            lambda convolution, x, _: fused_ops.grouped_convolution(convolution, x),
        )


def _is_resizing(layer: Any) -> bool:
    return _is_plain(layer, layers.UpSampling2D) and tuple(layer.size) == (2, 2) and layer.interpolation == "nearest"


def _is_convolution(layer: Any, kernel: int, stride: int) -> bool:
    return (
        _is_plain(layer, layers.Conv2D)
        and layer.kernel_size == (kernel, kernel)
        and layer.strides == (stride, stride)
        and layer.padding == "same"
        and layer.dilation_rate == (1, 1)
        and layer.groups == 1
    )


def _is_grouped(layer: Any) -> bool:
    return _is_plain(layer, layers.Conv2D) and layer.groups > 1 and layer.dilation_rate == (1, 1)


def _by_products(layer: Any, shape: Any) -> Callable[[Any, Any], Any] | None:
    """Return the fused operation of a convolution that, for few images, takes its gradient by weights by products."""
    if not _has_one_stride(layer):
        return None
    stride, (height, width, channels) = layer.strides[0], shape[1:]
    if _is_plain(layer, layers.Conv2D) and layer.groups == 1:
        kernel, run = (*layer.kernel_size, channels, layer.filters), fused_ops.convolution_by_products
    elif _is_plain(layer, layers.Conv2DTranspose) and layer.output_padding is None:
        height, width = (side and stride * side for side in (height, width))
        kernel, run = (*layer.kernel_size, layer.filters, channels), fused_ops.transposed_convolution_by_products
    else:
        return None
    return run if suits_products(layer.compute_dtype, (1, height, width), kernel, stride) else None


def _has_one_stride(layer: Any) -> bool:
    """Return whether a layer is a convolution of maps with padding, one stride along both axes, and no dilation."""
    is_convolution = isinstance(layer, layers.Conv2D | layers.Conv2DTranspose) and layer.padding == "same"
    return is_convolution and len(set(layer.strides)) == 1 and set(layer.dilation_rate) == {1}


def _is_dropout_in_bfloat16(layer: Any) -> bool:
    halved = type(layer) is layers.Dropout and layer.compute_dtype == "bfloat16" and layer.noise_shape is None
    return halved and 0 < round(layer.rate * 2**16) < 2**16


def _is_mean_of_four(layer: Any) -> bool:
    return _is_plain(layer, layers.AveragePooling2D) and tuple(layer.pool_size) == tuple(layer.strides) == (2, 2)


def is_batch_normalization(layer: Any, shape: Any) -> bool:
    """Return whether a layer is a batch normalization over the last axis of a vector or a map."""
    return (
        _is_plain(layer, layers.BatchNormalization)
        and len(shape) in (2, 4)
        and layer.axis in (-1, len(shape) - 1)
        # Keras 3.15 added batch renormalization.
        and not getattr(layer, "renorm", False)
    )


def _suits_fused_kernel(layer: Any, shape: Any) -> bool:
    """Return whether the fused operation can replace a batch normalization layer and is faster."""
    least = LEAST_FEATURES if len(shape) == 2 else LEAST_CHANNELS
    double = "float64" in (layer.compute_dtype, layer.variable_dtype)
    return shape[-1] >= least and not layer.synchronized and not double


def _is_plain(layer: Any, of: Any) -> bool:
    """Return whether a layer has exactly this Keras class, and calling it runs only its ``call`` method."""
    return (
        type(layer) is of
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and layer.activity_regularizer is None
        and layer.autocast
    )


def _even(shape: Any) -> bool:
    _, height, width, _ = shape
    return height is not None and width is not None and height % 2 == 0 == width % 2


def plain_of(layer: Any) -> Any:
    """Return the layer that runs: inside a reparametrization, the wrapped one with its effective kernels."""
    return layer.layer if isinstance(layer, Reparametrization) else layer
