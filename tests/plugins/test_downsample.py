from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import downsample
from dcgan_kit_plugins.downsample.layers import BlurPool, FIRDownsample, SpaceToDepth
from pydantic import ValidationError

from dcgan_kit.testing import check_component

WAYS_DOWN = downsample.dcgan_kit_components()


@pytest.mark.parametrize("component", WAYS_DOWN, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(6, 8, 4)])


@pytest.mark.parametrize(
    ("component", "options", "shape", "expected"),
    [
        (downsample.strided_conv, {}, (7, 8, 3), (4, 4, 8)),
        (downsample.strided_conv, {"stride": (2, 1)}, (7, 8, 3), (4, 8, 8)),
        # The lecture's discriminator: 28 → 13 → 5.
        (downsample.strided_conv, {"padding": "valid"}, (28, 28, 1), (13, 13, 8)),
        (downsample.strided_conv, {"padding": "valid"}, (13, 13, 1), (5, 5, 8)),
        (downsample.strided_conv, {"stride": 1, "dilation": 2, "padding": "valid"}, (9, 9, 1), (3, 3, 8)),
        (downsample.strided_conv, {"kernel_size": 3, "padding": "symmetric"}, (7, 8, 3), (4, 4, 8)),
        (downsample.strided_conv, {"kernel_size": 4, "padding": "symmetric"}, (7, 8, 3), (3, 4, 8)),
        (downsample.conv, {}, (7, 8, 3), (7, 8, 8)),
        (downsample.space_to_depth, {"kernel_size": 4, "padding": "symmetric"}, (6, 8, 3), (2, 3, 8)),
        (downsample.conv, {"padding": "valid", "dilation": 2}, (7, 8, 3), (3, 4, 8)),
        (downsample.max_pool, {}, (7, 8, 3), (3, 4, 3)),
        (downsample.max_pool, {"padding": "same"}, (7, 8, 3), (4, 4, 3)),
        (downsample.average_pool, {"pool_size": 3, "stride": 2}, (7, 9, 3), (3, 4, 3)),
        (downsample.average_pool, {"pool_size": (1, 2)}, (7, 8, 3), (7, 4, 3)),
        (downsample.conv_max_pool, {}, (7, 8, 3), (3, 4, 8)),
        (downsample.conv_average_pool, {"pool_size": 4}, (8, 8, 3), (2, 2, 8)),
        (downsample.blur_pool, {}, (7, 8, 3), (4, 4, 3)),
        (downsample.blur_pool, {"stride": 1, "size": 4}, (7, 8, 3), (7, 8, 3)),
        (downsample.blur_pool, {"stride": 3, "size": 7}, (7, 8, 3), (3, 3, 3)),
        (downsample.fir, {}, (7, 8, 3), (3, 4, 3)),
        (downsample.fir, {"taps": (1.0, 2.0, 1.0)}, (7, 8, 3), (4, 4, 3)),
        (downsample.space_to_depth, {}, (6, 8, 3), (3, 4, 8)),
        (downsample.space_to_depth, {"block_size": 4, "kernel_size": 3}, (4, 8, 3), (1, 2, 8)),
    ],
)
def test_sizes(component, options, shape, expected, model_of, noise):
    model = model_of(component, shape, **options)
    assert model.output_shape[1:] == expected
    assert model(noise(2, *shape)).shape[1:] == expected


def test_pools_keep_maximum_and_mean_of_each_window(model_of, noise):
    x = noise(2, 6, 8, 3)
    windows = x.reshape(2, 3, 2, 4, 2, 3)
    np.testing.assert_allclose(model_of(downsample.max_pool, (6, 8, 3))(x), windows.max((2, 4)))
    np.testing.assert_allclose(model_of(downsample.average_pool, (6, 8, 3))(x), windows.mean((2, 4)), atol=1e-6)


def test_conv_average_pool_is_a_convolution_before_a_mean(model_of, noise):
    x = noise(2, 6, 8, 3)
    model = model_of(downsample.conv_average_pool, (6, 8, 3), filters=4)
    assert [layer.name for layer in model.layers[1:]] == ["conv", "pool"]
    convolved = np.asarray(model.layers[1](x))
    np.testing.assert_allclose(model(x), convolved.reshape(2, 3, 2, 4, 2, 4).mean((2, 4)), atol=1e-6)


@pytest.mark.parametrize("size", range(2, 8))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_blur_pool_of_a_constant_is_that_constant(size, stride):
    y = BlurPool(size, stride)(np.full((2, 7, 9, 3), 0.7, "float32"))
    np.testing.assert_allclose(y, 0.7, rtol=1e-6)


def test_blur_pool_is_a_binomial_filter(noise):
    x = noise(1, 9, 9, 2)
    taps = np.array([1, 2, 1]) / 4
    expected = sum(taps[i] * taps[j] * x[:, 1 + i : 6 + i : 2, 1 + j : 6 + j : 2] for i in range(3) for j in range(3))
    np.testing.assert_allclose(BlurPool(3, 2)(x)[:, 1:4, 1:4], expected, atol=1e-6)


def test_blur_pool_removes_the_pattern_that_plain_subsampling_aliases():
    checkerboard = np.indices((8, 8)).sum(0) % 2
    y = BlurPool(3, 2)(checkerboard[None, :, :, None].astype("float32"))
    np.testing.assert_allclose(y, 0.5, atol=1e-6)


def test_blur_pool_has_no_weights_and_passes_gradients():
    layer = BlurPool()
    x = tf.ones((1, 6, 6, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(layer(x))
    assert not layer.weights
    assert float(tf.reduce_sum(tape.gradient(y, x))) == pytest.approx(3 * 3 * 2)


def test_fir_by_hand(model_of):
    column = np.array([8.0, 0.0, 16.0, 24.0], "float32").reshape(1, 4, 1, 1).repeat(4, 2)
    # (0 + 3·8 + 3·0 + 16) / 8 and (0 + 3·16 + 3·24 + 0) / 8; along the other axis 7/8, as a zero is seen on each side.
    y = np.asarray(model_of(downsample.fir, (4, 4, 1))(column))
    np.testing.assert_allclose(y[0, :, :, 0], 0.875 * np.array([[5.0, 5.0], [15.0, 15.0]]), atol=1e-6)


@pytest.mark.parametrize("taps", [(1, 1), (1, 2, 1), (1, 3, 3, 1), (1, -2, 3, 4, 5, -6, 7, 8)], ids=str)
def test_fir_is_a_strided_convolution(taps, noise):
    x, pad = noise(2, 6, 8, 3), (len(taps) - 1) // 2
    kernel = np.outer(taps, taps)[:, :, None, None] / sum(taps) ** 2 * np.eye(3)
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    expected = keras.ops.conv(padded, kernel.astype("float32"), strides=2, padding="valid")
    np.testing.assert_allclose(FIRDownsample(taps)(x), expected, atol=1e-5)


def test_space_to_depth_is_tensorflows(noise):
    x = noise(2, 6, 9, 4)
    np.testing.assert_array_equal(SpaceToDepth(3)(x), tf.nn.space_to_depth(x, 3))


def test_ways_down_are_stock_layers_but_three(layers_of):
    custom = {
        type(layer)
        for c in WAYS_DOWN
        for layer in layers_of(c, (8, 8, 3))
        if not type(layer).__module__.startswith("keras.")
    }
    assert custom == {BlurPool, FIRDownsample, SpaceToDepth}


def test_first_weights_come_from_the_initializer_option(model_of):
    def fives(seed):
        return keras.initializers.Constant(5.0)

    for component in WAYS_DOWN:
        if "initializer" in component.options.model_fields:
            kernel = model_of(component, (8, 8, 3), initializer=fives).trainable_weights[0]
            np.testing.assert_array_equal(kernel, np.full(kernel.shape, 5.0))


@pytest.mark.parametrize(
    "component",
    [downsample.strided_conv, downsample.conv, downsample.conv_max_pool, downsample.conv_average_pool],
    ids=lambda c: c.name,
)
def test_groups(component, model_of, place):
    assert model_of(component, (8, 8, 4), bias=False, groups=4).trainable_weights[0].shape[2:] == (1, 8)
    with pytest.raises(ValueError, match="Received: groups=3, 3 channels, 8 filters"):
        component(place((8, 8, 3)), groups=3)


def test_symmetric_padding_is_that_of_pytorch_and_same_is_shifted_by_a_pixel(model_of, noise):
    x = noise(2, 6, 8, 3)
    same, symmetric = (
        model_of(downsample.strided_conv, (6, 8, 3), kernel_size=3, padding=padding)
        for padding in ("same", "symmetric")
    )
    kernel, bias = (np.asarray(weight) for weight in symmetric.weights)
    for model, start in ((same, 1), (symmetric, 0)):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, start:, start:]
        expected = keras.ops.conv(np.pad(padded, ((0, 0), (0, start), (0, start), (0, 0))), kernel, 2, "valid") + bias
        np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_contract_of_symmetric_padding():
    check_component(downsample.strided_conv, shapes=[(6, 8, 4)], kernel_size=3, padding="symmetric")


def test_zeros_stand_below_and_to_the_right(model_of, noise):
    x = noise(2, 7, 6, 3)
    plain, more = (model_of(downsample.strided_conv, (7, 6, 3), kernel_size=3, zeros_after=n) for n in (0, 1))
    expected = np.pad(plain(x), [(0, 0), (0, 1), (0, 1), (0, 0)])
    np.testing.assert_array_equal(more(x), expected)
    assert more.output_shape == (None, 5, 4, 8)


def test_contract_of_zeros():
    check_component(downsample.strided_conv, zeros_after=1)


def test_contract_of_groups():
    check_component(downsample.strided_conv, shapes=[(6, 8, 4)], groups=2)


def test_stride_and_dilation_exclude_each_other(place):
    with pytest.raises(ValueError, match=r"stride or dilation must be 1. Received: stride=2, dilation=\(1, 2\)"):
        downsample.strided_conv(place((8, 8, 3)), dilation=(1, 2))


def test_space_to_depth_needs_sides_that_its_block_divides(place):
    with pytest.raises(ValueError, match=r"block_size must divide height and width.*block_size=2, map 8x7"):
        downsample.space_to_depth(place((8, 7, 3)))


def test_blur_pool_needs_a_map_to_reflect(place):
    with pytest.raises(ValueError, match=r"sides of the map must exceed half of size. Received: map 3x8, size=7"):
        downsample.blur_pool(place((3, 8, 3)), size=7)
    assert downsample.blur_pool(place((4, 4, 3)), size=7)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (downsample.strided_conv, {"stride": 0}),
        (downsample.strided_conv, {"stride": 9}),
        (downsample.max_pool, {"kernel_size": 2}),
        (downsample.max_pool, {"stride": 0}),
        (downsample.max_pool, {"padding": "symmetric"}),
        (downsample.blur_pool, {"size": 8}),
        (downsample.fir, {"taps": (1.0,) * 9}),
        (downsample.blur_pool, {"size": 1}),
        (downsample.space_to_depth, {"block_size": 1}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
