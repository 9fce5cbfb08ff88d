from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import downsample, upsample
from dcgan_kit_plugins.upsample.layers import ICNR, DepthToSpace, FIRUpsample
from pydantic import ValidationError

from dcgan_kit.testing import check_component

WAYS_UP = upsample.dcgan_kit_components()


@pytest.mark.parametrize("component", WAYS_UP, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(3, 5, 4)])


@pytest.mark.parametrize(
    ("component", "options", "side", "expected"),
    [
        (upsample.transposed_conv, {}, 4, 8),
        (upsample.transposed_conv, {"kernel_size": 5}, 7, 14),
        (upsample.transposed_conv, {"kernel_size": 5, "stride": 1}, 7, 7),
        (upsample.transposed_conv, {"kernel_size": 5, "padding": "symmetric"}, 7, 14),
        (upsample.transposed_conv, {"kernel_size": 2, "stride": 3, "padding": "symmetric"}, 4, 12),
        (upsample.resize_conv, {"kernel_size": 4, "padding": "symmetric"}, 4, 7),
        # The lecture's generator: 1 → 3 → 6 → 13 → 28.
        (upsample.transposed_conv, {"kernel_size": 3, "padding": "valid"}, 1, 3),
        (upsample.transposed_conv, {"kernel_size": 4, "stride": 1, "padding": "valid"}, 3, 6),
        (upsample.transposed_conv, {"kernel_size": 3, "padding": "valid"}, 6, 13),
        (upsample.transposed_conv, {"kernel_size": 4, "padding": "valid"}, 13, 28),
        (upsample.transposed_conv, {"kernel_size": 2, "stride": 3, "padding": "valid"}, 4, 12),
        (upsample.nearest, {"factor": 3}, 4, 12),
        (upsample.bilinear, {"factor": 1}, 4, 4),
        (upsample.resize_conv, {}, 4, 8),
        (upsample.resize_conv, {"factor": 4, "kernel_size": 5, "interpolation": "bicubic"}, 2, 8),
        (upsample.pixel_shuffle, {}, 4, 8),
        (upsample.pixel_shuffle, {"factor": 3}, 4, 12),
        (upsample.conv, {"kernel_size": 4, "dilation": 2}, 5, 5),
    ],
)
def test_sizes(component, options, side, expected, model_of, noise):
    model = model_of(component, (side, side, 4), **options)
    assert model.output_shape[1:3] == (expected, expected)
    assert model(noise(2, side, side, 4)).shape[1:3] == (expected, expected)


def test_height_and_width_may_differ(model_of):
    assert model_of(upsample.transposed_conv, (4, 4, 3), stride=(2, 1)).output_shape[1:] == (8, 4, 8)
    assert model_of(upsample.resize_conv, (4, 4, 3), factor=(1, 3)).output_shape[1:] == (4, 12, 8)


def test_nearest_repeats_and_bilinear_interpolates(model_of):
    row = np.array([0.0, 4.0], "float32").reshape(1, 1, 2, 1)
    np.testing.assert_allclose(model_of(upsample.nearest, (1, 2, 1))(row)[0, 0, :, 0], [0, 0, 4, 4])
    np.testing.assert_allclose(model_of(upsample.bilinear, (1, 2, 1))(row)[0, 0, :, 0], [0, 1, 3, 4])


def test_fir_by_hand(model_of):
    row = np.array([0.0, 8.0, 16.0], "float32").reshape(1, 1, 3, 1)
    # Taps 1 3 3 1 over 4: even pixels 3/4 of their own and 1/4 of the one before, odd ones 1/4 of the one after. The
    # only row loses 1/4 of its values on either side, to zeros.
    expected = 0.75 * np.array([0, 2, 6, 10, 14, 12])
    y = np.asarray(model_of(upsample.fir, (1, 3, 1))(row))
    np.testing.assert_allclose(y[0, :, :, 0], [expected, expected], atol=1e-6)


def spread(x, taps):
    """A transposed convolution at stride 2, tap by tap."""
    count, (height, width) = len(taps), x.shape[1:3]
    full = np.zeros((len(x), 2 * height - 2 + count, 2 * width - 2 + count, x.shape[3]))
    for i, one in enumerate(taps):
        for j, other in enumerate(taps):
            full[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2] += one * other * x
    cut = (count - 1) // 2
    return 4 * full[:, cut : cut + 2 * height, cut : cut + 2 * width] / sum(taps) ** 2


@pytest.mark.parametrize(
    "taps", [(1, 1), (1, 2, 1), (1, 3, 3, 1), (1, 4, 6, 4, 1), (1, -2, 3, 4, 5, -6, 7, 8)], ids=str
)
def test_fir_is_a_transposed_convolution(taps, noise):
    x = noise(2, 3, 5, 4)
    np.testing.assert_allclose(FIRUpsample(taps)(x), spread(x, taps), atol=1e-5)


def test_fir_is_bilinear_inside_and_loses_light_at_the_border(model_of, noise):
    x = noise(2, 4, 5, 3)
    filtered, bilinear = (np.asarray(model_of(each, (4, 5, 3))(x)) for each in (upsample.fir, upsample.bilinear))
    np.testing.assert_allclose(filtered[:, 1:-1, 1:-1], bilinear[:, 1:-1, 1:-1], atol=1e-6)
    ones = np.asarray(model_of(upsample.fir, (4, 5, 3))(np.ones((1, 4, 5, 3), "float32")))
    np.testing.assert_allclose(ones[0, 0, 0], 0.75**2, atol=1e-6)


def test_fir_up_is_the_transpose_of_fir_down_times_4(model_of, noise):
    x, y = noise(1, 3, 5, 2), noise(1, 6, 10, 2)
    for taps in ((1.0, 3.0, 3.0, 1.0), (1.0, 2.0, 1.0)):
        up, down = model_of(upsample.fir, (3, 5, 2), taps=taps), model_of(downsample.fir, (6, 10, 2), taps=taps)
        np.testing.assert_allclose(np.vdot(up(x), y), 4 * np.vdot(x, down(y)), rtol=1e-4)


def test_taps_need_a_sum():
    for component in (upsample.fir, downsample.fir):
        with pytest.raises(ValueError, match=r"the sum of the taps must not be 0. Received: taps=\[1.0, -1.0\]"):
            component(taps=(1.0, -1.0))


def test_transposed_conv_is_the_transpose_of_a_strided_conv(model_of, noise):
    model = model_of(upsample.transposed_conv, (3, 5, 4), filters=2, bias=False)
    x, y = noise(1, 3, 5, 4), noise(1, 6, 10, 2)
    down = keras.ops.conv(y, model.weights[0], strides=2, padding="same")
    np.testing.assert_allclose(np.vdot(model(x), y), np.vdot(x, down), rtol=1e-3)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_contract_of_symmetric_padding(kernel_size):
    check_component(upsample.transposed_conv, shapes=[(3, 5, 4)], kernel_size=kernel_size, padding="symmetric")


def test_symmetric_padding_is_the_transpose_of_a_symmetric_strided_conv(model_of, noise):
    model = model_of(upsample.transposed_conv, (3, 5, 4), filters=2, bias=False, kernel_size=5, padding="symmetric")
    x, y = noise(1, 3, 5, 4), noise(1, 6, 10, 2)
    padded = np.pad(y, ((0, 0), (2, 2), (2, 2), (0, 0)))
    down = keras.ops.conv(padded, model.weights[0], strides=2, padding="valid")
    np.testing.assert_allclose(np.vdot(model(x), y), np.vdot(x, down), rtol=1e-3)


def test_resize_conv_resizes_first(model_of):
    model = model_of(upsample.resize_conv, (3, 5, 4))
    assert [layer.name for layer in model.layers[1:]] == ["resize", "conv"]


@pytest.mark.parametrize("component", [upsample.resize_conv, upsample.conv], ids=lambda c: c.name)
def test_groups(component, model_of, place):
    assert model_of(component, (4, 4, 6), groups=2).trainable_weights[0].shape == (3, 3, 3, 8)
    with pytest.raises(ValueError, match="Received: groups=3, 6 channels, 8 filters"):
        component(place((4, 4, 6)), groups=3)


def test_depth_to_space_is_tensorflows(noise):
    x = noise(2, 3, 5, 36)
    np.testing.assert_array_equal(DepthToSpace(3)(x), tf.nn.depth_to_space(x, 3))


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle_starts_as_nearest_resizing_of_a_convolution(factor, model_of, noise):
    x = noise(2, 5, 6, 4)
    y = np.asarray(model_of(upsample.pixel_shuffle, (5, 6, 4), filters=3, factor=factor)(x))
    blocks = y.reshape(2, 5, factor, 6, factor, 3)
    np.testing.assert_allclose(blocks, np.broadcast_to(blocks[:, :, :1, :, :1], blocks.shape), atol=1e-6)
    assert y.std() > 0.01


def test_icnr_draws_as_many_numbers_as_a_pixel_needs():
    kernel = np.asarray(ICNR(keras.initializers.RandomNormal(seed=1), 4)((3, 3, 5, 8)))
    np.testing.assert_array_equal(kernel[..., :2], kernel[..., 2:4])
    np.testing.assert_array_equal(kernel[..., :2], kernel[..., 6:])
    assert len(np.unique(kernel)) == 3 * 3 * 5 * 2


def test_icnr_survives_its_configuration():
    first = ICNR(keras.initializers.HeNormal(seed=3), 4)
    again = keras.initializers.deserialize(keras.initializers.serialize(first))
    np.testing.assert_array_equal(first((3, 3, 2, 8)), again((3, 3, 2, 8)))


def test_icnr_wraps_the_initializer_option(model_of):
    def fives(seed):
        return keras.initializers.Constant(5.0)

    kernel = model_of(upsample.pixel_shuffle, (5, 6, 4), initializer=fives).weights[0]
    np.testing.assert_array_equal(kernel, np.full(kernel.shape, 5.0))


def test_ways_up_are_stock_layers_but_two(layers_of):
    custom = {
        type(layer)
        for c in WAYS_UP
        for layer in layers_of(c, (4, 4, 3))
        if not type(layer).__module__.startswith("keras.")
    }
    assert custom == {DepthToSpace, FIRUpsample}


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (upsample.nearest, {"factor": 0}),
        (upsample.fir, {"taps": (1.0,)}),
        (upsample.fir, {"factor": 4}),
        (upsample.pixel_shuffle, {"factor": 1}),
        (upsample.resize_conv, {"interpolation": "lanczos"}),
        (upsample.conv, {"padding": "valid"}),
        (upsample.transposed_conv, {"kernel_size": "4"}),
        (upsample.transposed_conv, {"kernel_size": True}),
        # TensorFlow computes it on some processors only.
        (upsample.transposed_conv, {"dilation": 2}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


@pytest.mark.parametrize("component", [upsample.resize_conv, upsample.pixel_shuffle])
def test_valid_padding_and_dilation_shrink_the_enlarged_map(component, place):
    made = component.build(place((8, 8, 4), 6), {**dict(component.options()), "padding": "valid", "dilation": 2})
    tensor = keras.Input((8, 8, 4))
    for layer in made:
        tensor = layer(tensor)
    # 3x3 taps, 2 apart, reach 5 pixels: 4 of 16 are lost, or 4 of 8 before the pixels are laid out.
    assert tensor.shape[1:] == ((12, 12, 6) if component is upsample.resize_conv else (8, 8, 6))
