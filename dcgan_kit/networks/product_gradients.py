"""Convolutions in bfloat16 on a CPU, whose gradient by weights is a few matrix products.

    y = convolution(x, kernel, stride)              # tf.nn.conv2d with padding SAME
    y = transposed_convolution(x, kernel, stride)   # tf.nn.conv2d_transpose with padding SAME

oneDNN's operation for this gradient is slow in bfloat16 if the kernel is large and the maps are small: up to 6 times as
slow as matrix products (python benchmarks/kernels.py weights). In other types, on other devices, and for other sizes,
the gradient is TensorFlow's. Values and gradients by inputs are always those of TensorFlow's operations.
"""

from __future__ import annotations

from math import prod
from typing import Any

import tensorflow as tf

from dcgan_kit.networks.accelerator import has_accelerator

SCOPE = "kernel_gradient"
"""Part of the names of all operations that compute such a gradient."""
LEAST_ROWS = 128
"""Least rows of a product for which products are faster: stride² times the channels of the larger map."""
LEAST_COLUMNS = 64
"""Least columns of a product for which products are faster: the channels of the smaller map."""
LEAST_WEIGHTS = 64
"""Least weights of a kernel for each pixel of the smaller map, all images of a batch counted, for which products are
faster. oneDNN's time grows with the kernel, that of the products with the pixels."""


def convolution(x: Any, kernel: Any, stride: int) -> Any:
    """Return the convolution of a map.  (B, H, W, C), (K, K', C, F) → (B, ⌈H/stride⌉, ⌈W/stride⌉, F).

    Args:
        x: the map.
        kernel: the kernel, of the same type.
        stride: the stride along both axes.
    """
    if not suits_products(x.dtype, x.shape, kernel.shape, stride):
        return tf.nn.conv2d(x, kernel, stride, "SAME")

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(x: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            return _spread(upstream, kernel, x, stride), kernel_gradient(x, upstream, kernel.shape[:2], stride)

        return tf.nn.conv2d(x, kernel, stride, "SAME"), gradients

    return convolve(x, kernel)


def transposed_convolution(x: Any, kernel: Any, stride: int) -> Any:
    """Return the transposed convolution of a map.  (B, H, W, C), (K, K', F, C) → (B, stride H, stride W, F).

    Args:
        x: the map.
        kernel: the kernel, of the same type.
        stride: the stride along both axes.
    """
    batch, height, width = tf.shape(x)[0], *(stride * side for side in tf.unstack(tf.shape(x)[1:3]))
    shape = (batch, height, width, kernel.shape[2])
    larger = (x.shape[0], *(side and stride * side for side in x.shape[1:3]))
    if not suits_products(x.dtype, larger, kernel.shape, stride):
        return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME")

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(x: Any, kernel: Any) -> Any:
        def gradients(upstream: Any) -> tuple[Any, Any]:
            return convolution(upstream, kernel, stride), kernel_gradient(upstream, x, kernel.shape[:2], stride)

        return tf.nn.conv2d_transpose(x, kernel, shape, stride, "SAME"), gradients

    return convolve(x, kernel)


def suits_products(dtype: Any, larger: Any, kernel: Any, stride: int) -> bool:
    """Return whether matrix products are faster than TensorFlow's gradient by weights.

    Args:
        dtype: the type of maps and kernel.
        larger: the shape of the larger map, (B, H, W, ...); a size that is unknown is None.
        kernel: the shape of the kernel: (K, K', channels of the larger map, channels of the smaller map).
        stride: the stride.
    """
    if dtype != tf.bfloat16 or None in list(larger)[:3] or has_accelerator():
        return False
    wide = stride**2 * kernel[2] >= LEAST_ROWS and kernel[3] >= LEAST_COLUMNS
    pixels = larger[0] * prod(-(-side // stride) for side in larger[1:3])
    # The products fill the kernel up to whole blocks of stride x stride weights.
    filled = prod(stride * -(-side // stride) for side in kernel[:2]) / prod(kernel[:2])
    return bool(wide and prod(kernel) >= LEAST_WEIGHTS * filled * pixels)


def kernel_gradient(larger: Any, smaller: Any, size: Any, stride: int) -> Any:
    """Return the gradient of a convolution by its kernel.  (B, H, W, C), (B, h, w, F) → (K, K', C, F).

    With x the input and u the gradient by the output, it is Σ x[b, stride i + k, stride j + k'] u[b, i, j]. Blocks of
    stride x stride pixels become channels first. Then every position of the kernel on blocks is one product of two
    matrices, (stride² C, B h w) and (B h w, F).

    Args:
        larger: the input of the convolution; or the gradient by the output of a transposed one.
        smaller: the gradient by the output of the convolution; or the input of a transposed one.
        size: height and width of the kernel.
        stride: the stride along both axes.
    """
    with tf.name_scope(SCOPE):
        return _products(larger, smaller, size, stride)


def _products(larger: Any, smaller: Any, size: Any, stride: int) -> Any:
    channels, filters = larger.shape[3], smaller.shape[3]
    sides = list(zip(larger.shape[1:3], smaller.shape[1:3], size, strict=True))
    # Positions of the kernel on blocks, along each axis
    blocks = [-(-kernel // stride) for kernel in size]
    pads = [_padding(*each, stride) for each in sides]
    x = tf.pad(larger, ((0, 0), *pads, (0, 0)))
    x = tf.nn.space_to_depth(x, stride) if stride > 1 else x
    u = tf.reshape(smaller, (-1, filters))
    (_, height, _), (_, width, _) = sides
    products = [
        tf.matmul(tf.reshape(x[:, i : i + height, j : j + width], (-1, stride**2 * channels)), u, transpose_a=True)
        for i in range(blocks[0])
        for j in range(blocks[1])
    ]
    whole = tf.reshape(tf.stack(products), (*blocks, stride, stride, channels, filters))
    whole = tf.transpose(whole, (0, 2, 1, 3, 4, 5))
    whole = tf.reshape(whole, (stride * blocks[0], stride * blocks[1], channels, filters))
    return whole[: size[0], : size[1]]


def _spread(upstream: Any, kernel: Any, x: Any, stride: int) -> Any:
    """Return the gradient of a convolution by its input ``x``."""
    if all(side % stride == 0 for side in x.shape[1:3]):
        return transposed_convolution(upstream, kernel, stride)
    return tf.nn.conv2d_transpose(upstream, kernel, tf.shape(x), stride, "SAME")


def _padding(larger: int, smaller: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis: those of SAME, and further ones up to whole blocks."""
    before = max((smaller - 1) * stride + kernel - larger, 0) // 2
    return before, (smaller - 1 - (-kernel // stride)) * stride - larger - before
