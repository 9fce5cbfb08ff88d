"""Fused operations: they compute the same functions as Keras layers, with fewer or faster operations.

Each function takes Keras layers. It uses their variables at the time of the call, in the precision of their policies.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.networks.product_gradients import convolution as convolve
from dcgan_kit.networks.product_gradients import transposed_convolution as convolve_transposed

_HALF_PRECISION_CHANNELS = 16
"""The CPU operation for bfloat16 is fast on multiples of this (oneDNN's block), else 5 times slower than float32."""


def resized_convolution(resize: Any, convolution: Any, x: Any) -> Any:
    """Nearest resizing by 2, then a 3x3 convolution, as one transposed convolution.  (B, H, W, C) → (B, 2H, 2W, F).

    Along each axis, two of the three taps always meet the same pixel of the small map. Taps (a, b, c) become a | b + c
    at even pixels and a + b | c at odd pixels. This is a transposed convolution with taps (c, b + c, a + b, a) at
    stride 2. It needs 4/9 of the multiplications.
    """
    dtype = convolution.compute_dtype
    x = tf.cast(tf.cast(x, resize.compute_dtype), dtype)
    kernel = keras.ops.convert_to_tensor(convolution.kernel)
    for axis in (0, 1):
        a, b, c = tf.unstack(kernel, axis=axis)
        kernel = tf.stack([c, b + c, a + b, a], axis=axis)
    kernel = tf.transpose(tf.cast(kernel, dtype), (0, 1, 3, 2))
    return _finished(convolution, convolve_transposed(x, kernel, 2))


def pooled_convolution(convolution: Any, pool: Any, x: Any) -> Any:
    """A 3x3 convolution, then the mean of 2x2 pixels, as one convolution.  (B, H, W, C) → (B, H/2, W/2, F).

    Along each axis, the mean of two neighbours with taps (a, b, c) has taps (a, a + b, b + c, c) / 2 at stride 2. This
    needs 4/9 of the multiplications. Height and width must be even.
    """
    dtype = convolution.compute_dtype
    kernel = keras.ops.convert_to_tensor(convolution.kernel)
    for axis in (0, 1):
        a, b, c = tf.unstack(kernel, axis=axis)
        kernel = tf.stack([a, a + b, b + c, c], axis=axis)
    y = convolve(tf.cast(x, dtype), tf.cast(0.25 * kernel, dtype), 2)
    return tf.cast(_finished(convolution, y), pool.compute_dtype)


def first_convolution(convolution: Any, x: Any) -> Any:
    """A 4x4 convolution at stride 2 as a 2x2 one on four times the channels.  (B, H, W, C) → (B, H/2, W/2, F).

    Matrix units are mostly idle with only the 1 or 3 channels of an image. Height and width must be even.
    """
    dtype = convolution.compute_dtype
    kernel = keras.ops.convert_to_tensor(convolution.kernel)
    channels, filters = kernel.shape[2:]
    kernel = tf.transpose(tf.reshape(kernel, (2, 2, 2, 2, channels, filters)), (0, 2, 1, 3, 4, 5))
    kernel = tf.cast(tf.reshape(kernel, (2, 2, 4 * channels, filters)), dtype)
    blocks = tf.nn.space_to_depth(tf.pad(tf.cast(x, dtype), ((0, 0), (1, 1), (1, 1), (0, 0))), 2)
    return _finished(convolution, tf.nn.conv2d(blocks, kernel, strides=1, padding="VALID"))


def convolution_by_products(convolution: Any, x: Any) -> Any:
    """A convolution whose gradient by weights is a few matrix products.  (B, H, W, C) → (B, H', W', F)."""
    dtype = convolution.compute_dtype
    kernel = tf.cast(keras.ops.convert_to_tensor(convolution.kernel), dtype)
    return _biased(convolution, convolve(tf.cast(x, dtype), kernel, convolution.strides[0]))


def transposed_convolution_by_products(convolution: Any, x: Any) -> Any:
    """A transposed convolution whose gradient by weights is a few matrix products.  (B, H, W, C) → (B, H', W', F)."""
    dtype = convolution.compute_dtype
    kernel = tf.cast(keras.ops.convert_to_tensor(convolution.kernel), dtype)
    return _biased(convolution, convolve_transposed(tf.cast(x, dtype), kernel, convolution.strides[0]))


def grouped_convolution(convolution: Any, x: Any) -> Any:
    """A convolution with groups, as one convolution for each group.  (B, H, W, C) → (B, H', W', F).

    TensorFlow has no gradient of a grouped convolution on a CPU. Keras lets XLA compile each of them instead, which is
    tens of times slower (python benchmarks/kernels.py).
    """
    dtype = convolution.compute_dtype
    maps = tf.split(tf.cast(x, dtype), convolution.groups, axis=-1)
    kernels = tf.split(tf.cast(keras.ops.convert_to_tensor(convolution.kernel), dtype), convolution.groups, axis=-1)
    strides, padding = convolution.strides, convolution.padding.upper()
    results = [tf.nn.conv2d(*pair, strides, padding) for pair in zip(maps, kernels, strict=True)]
    return _finished(convolution, tf.concat(results, axis=-1))


def dropout_by_halves(layer: Any, x: Any, training: bool) -> Any:
    """Dropout with 16 random bits for each number, in place of 32.  (B, ...) → (B, ...).

    The rate is rounded to a multiple of 2⁻¹⁶. Keras draws numbers of the type of ``x``: in bfloat16, these are
    multiples of 2⁻⁷, and so is its rate.
    """
    x = tf.cast(x, layer.compute_dtype)
    if not training:
        return x
    seed = tf.cast(layer.seed_generator.next(), tf.int64)
    size = tf.size(x)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32)
    halves = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), (-1,))[:size], tf.shape(x))
    dropped = round(layer.rate * 2**16)
    kept = tf.cast(halves >= tf.constant(dropped, tf.uint16), x.dtype)
    return x * tf.ensure_shape(kept * tf.constant(1.0 / (1.0 - dropped / 2**16), x.dtype), x.shape)


def fused_batch_normalization(layer: Any, x: Any, training: bool) -> Any:
    """Batch normalization over all axes except the last, by TensorFlow's fused operation.  (B, ..., C) → (B, ..., C).

    It works for maps and vectors. Its second-order gradients are correct; those of Keras' layer are not. The reason is
    ``tf.nn.moments``, which treats the mean as a constant when it squares deviations. Only first-order gradients stay
    correct then.
    """
    x = tf.cast(x, layer.compute_dtype)
    flat = len(x.shape) == 2
    maps = x[:, tf.newaxis, tf.newaxis, :] if flat else x
    channels = layer.moving_mean.shape[0]
    if channels % _HALF_PRECISION_CHANNELS:
        maps = tf.cast(maps, tf.float32)
    scale = keras.ops.cast(layer.gamma, "float32") if layer.scale else tf.ones(channels)
    shift = keras.ops.cast(layer.beta, "float32") if layer.center else tf.zeros(channels)
    learning = bool(training and layer.trainable)
    moving = [keras.ops.cast(v, "float32") for v in (layer.moving_mean, layer.moving_variance)]
    mean, variance = [tf.zeros(0)] * 2 if learning else moving
    y, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=maps, scale=scale, offset=shift, mean=mean, variance=variance, epsilon=layer.epsilon, is_training=learning
    )
    if learning:
        batch, height, width, _ = _sizes(maps)
        count = tf.cast(batch * height * width, tf.float32)
        # The operation returns Σ(x - mean)² / (n - 1), or 0 for n = 1; Keras stores Σ(x - mean)² / n.
        _remember(layer, batch_mean, batch_variance * ((count - 1.0) / count))
    y = tf.cast(y, layer.compute_dtype)
    return tf.squeeze(y, (1, 2)) if flat else y


def synchronized_batch_normalization(layer: Any, x: Any, training: bool) -> Any:
    """Batch normalization over the batches of all replicas, with one all-reduce.  (B, ..., C) → (B, ..., C).

    Every replica must call it in replica context, with batches of the same size.

    E(x²) - E(x)² loses digits if the mean is much larger than the deviation. To avoid this, the function first
    subtracts the moving mean, which all replicas share. This helps as soon as the moving mean is near the mean of a
    batch. Gradients of any order are correct.
    """
    learning = training and layer.trainable
    dtype = keras.backend.result_type(layer.compute_dtype, "float32")
    x = tf.cast(tf.cast(x, layer.compute_dtype), dtype)
    mean, variance = (keras.ops.cast(v, dtype) for v in (layer.moving_mean, layer.moving_variance))
    if learning:
        about = tf.stop_gradient(mean)
        deviation = x - about
        axes = list(range(len(x.shape) - 1))
        local = tf.concat([tf.reduce_mean(deviation, axes), tf.reduce_mean(tf.square(deviation), axes)], axis=0)
        replica = tf.distribute.get_replica_context()
        shift, square = tf.split(replica.all_reduce(tf.distribute.ReduceOp.MEAN, local), 2)
        mean, variance = about + shift, tf.maximum(square - tf.square(shift), 0.0)
        _remember(layer, mean, variance)
    scale = keras.ops.cast(layer.gamma, dtype) if layer.scale else None
    shift = keras.ops.cast(layer.beta, dtype) if layer.center else None
    y = tf.nn.batch_normalization(x, mean, variance, shift, scale, layer.epsilon)
    return tf.cast(y, layer.compute_dtype)


def _finished(convolution: Any, y: Any) -> Any:
    """Add the bias and apply the activation of a convolution."""
    if convolution.use_bias:
        y = y + tf.cast(keras.ops.convert_to_tensor(convolution.bias), y.dtype)
    return convolution.activation(y) if convolution.activation is not None else y


def _biased(convolution: Any, y: Any) -> Any:
    """Do the same as ``_finished`` by the operation that Keras uses, which TensorFlow can join with the convolution."""
    if convolution.use_bias:
        y = tf.nn.bias_add(y, tf.cast(keras.ops.convert_to_tensor(convolution.bias), y.dtype))
    return convolution.activation(y) if convolution.activation is not None else y


def _remember(layer: Any, mean: Any, variance: Any) -> None:
    """Update the moving statistics with those of a batch, as Keras does."""
    for variable, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        variable.assign(keras.ops.cast(variable, value.dtype) * layer.momentum + value * (1.0 - layer.momentum))


def _sizes(x: Any) -> list[Any]:
    """Return the sizes of a tensor's axes: numbers if they are known, else tensors."""
    dynamic = tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(x.shape)]
