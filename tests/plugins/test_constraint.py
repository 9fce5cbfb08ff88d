from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import constraint
from keras import layers
from pydantic import ValidationError


def test_none_constrains_nothing():
    assert constraint.none() is None


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv2D(6, 3, name="conv"), (5, 5, 4)),
        (layers.Conv2DTranspose(6, 4, strides=2, name="conv"), (5, 5, 4)),
        (layers.Dense(6, name="conv"), (4,)),
    ],
    ids=["conv", "transposed_conv", "dense"],
)
def test_largest_singular_value_becomes_one(layer, shape, noise, tmp_path):
    wrapped = constraint.spectral(power_iterations=30)(layer)
    assert wrapped.name == "conv"
    model = keras.Sequential([keras.Input(shape), wrapped])
    x = noise(2, *shape)
    first = np.asarray(layer.kernel)
    model(x, training=True)
    kernel = np.asarray(layer.kernel)
    singular = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)
    assert singular[0] == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(kernel / kernel.ravel()[0], first / first.ravel()[0], rtol=1e-3)

    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(x), model(x), atol=1e-6)


def _matrices(kernel, groups):
    """What the definition says: a block for each input channel, or for each group of filters."""
    if groups == "depthwise":
        return [kernel[..., channel, :].reshape(-1, kernel.shape[-1]) for channel in range(kernel.shape[-2])]
    return [block.reshape(-1, block.shape[-1]) for block in np.split(kernel, groups, axis=-1)]


@pytest.mark.parametrize(
    ("layer", "kernels"),
    [
        (layers.DepthwiseConv2D(3), {"kernel": "depthwise"}),
        (layers.DepthwiseConv2D(3, depth_multiplier=3), {"kernel": "depthwise"}),
        (layers.SeparableConv2D(6, 3), {"depthwise_kernel": "depthwise", "pointwise_kernel": 1}),
        (
            layers.SeparableConv2D(6, (2, 3), depth_multiplier=2),
            {"depthwise_kernel": "depthwise", "pointwise_kernel": 1},
        ),
        (layers.Conv2D(6, 3, groups=2), {"kernel": 2}),
        (layers.Conv2D(8, 2, groups=4), {"kernel": 4}),
    ],
    ids=["depthwise", "multiplied", "separable", "separable_multiplied", "grouped", "narrow_groups"],
)
def test_where_channels_are_kept_apart_the_largest_block_counts(layer, kernels, noise, tmp_path):
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral(power_iterations=60)(layer)])
    x = noise(2, 5, 5, 4)
    first = {name: np.asarray(getattr(layer, name)) for name in kernels}
    model(x, training=True)
    for name, groups in kernels.items():
        largest = max(np.linalg.svd(block, compute_uv=False)[0] for block in _matrices(first[name], groups))
        np.testing.assert_allclose(getattr(layer, name), first[name] / largest, rtol=0.01, atol=1e-6)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(x), model(x), atol=1e-6)


def test_a_grouped_kernel_counts_as_the_dense_kernel_that_does_the_same(noise):
    """A convolution in groups is a convolution whose kernel is 0 between groups; that one has the same norm."""
    grouped = layers.Conv2D(6, 3, groups=2, use_bias=False)
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral(power_iterations=60)(grouped)])
    kernel = np.asarray(grouped.kernel)
    dense = np.zeros((3, 3, 4, 6), "float32")
    dense[:, :, :2, :3], dense[:, :, 2:, 3:] = kernel[..., :3], kernel[..., 3:]
    model(noise(1, 5, 5, 4), training=True)
    largest = np.linalg.svd(dense.reshape(-1, 6), compute_uv=False)[0]
    np.testing.assert_allclose(grouped.kernel, kernel / largest, rtol=0.01, atol=1e-6)


def test_a_kernel_of_zeros_stays_one_and_a_channel_of_zeros_can_return(noise):
    layer = layers.DepthwiseConv2D(3, depthwise_initializer="zeros")
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    model(noise(1, 5, 5, 4), training=True)
    np.testing.assert_array_equal(layer.kernel, 0.0)
    layer.kernel.assign(np.full((3, 3, 4, 1), 2.0))
    model(noise(1, 5, 5, 4), training=True)
    np.testing.assert_allclose(layer.kernel, 1 / 3, rtol=1e-5)


def test_the_plain_case_is_keras_own(noise):
    draw = keras.initializers.RandomNormal(seed=3)
    ours, theirs = layers.Conv2D(6, 3, kernel_initializer=draw), layers.Conv2D(6, 3, kernel_initializer=draw)
    models = [
        keras.Sequential([keras.Input((5, 5, 4)), wrapped])
        for wrapped in (constraint.spectral(power_iterations=50)(ours), layers.SpectralNormalization(theirs, 50))
    ]
    x = noise(2, 5, 5, 4)
    np.testing.assert_allclose(models[0](x, training=True), models[1](x, training=True), atol=1e-4)
    np.testing.assert_allclose(ours.kernel, theirs.kernel, atol=1e-4)


def test_outside_training_the_kernel_is_left_alone(noise):
    layer = layers.Conv2D(6, 3)
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    before = np.asarray(layer.kernel)
    model(noise(2, 5, 5, 4), training=False)
    np.testing.assert_array_equal(layer.kernel, before)


def test_gradients_reach_the_kernel(noise):
    layer = layers.Conv2D(6, 3)
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(noise(2, 5, 5, 4), training=True) ** 2)
    kernel, bias = tape.gradient(loss, model.trainable_variables)
    assert np.abs(kernel).max() > 0
    assert np.abs(bias).max() > 0
    assert len(model.non_trainable_variables) == 1


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_mixed_precision_keeps_the_kernel_in_float32(policy, when, noise):
    """Whether the policy was there when the layer was made, or is set later, as training sets it."""
    keras.config.set_dtype_policy(policy if when == "before" else "float32")
    try:
        layer = layers.Conv2D(6, 3)
        model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    finally:
        keras.config.set_dtype_policy("float32")
    for inner in model.layers[0]._flatten_layers():
        inner.dtype_policy = policy
    model(noise(2, 5, 5, 4), training=True)
    assert layer.compute_dtype == policy.removeprefix("mixed_")
    kernel = np.asarray(layer.kernel)
    assert not np.array_equal(kernel, np.asarray(tf.cast(tf.cast(kernel, layer.compute_dtype), tf.float32)))


@pytest.mark.parametrize("options", [{"power_iterations": 0}, {"power_iterations": 1.5}, {"iterations": 1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        constraint.spectral.options(**options)
