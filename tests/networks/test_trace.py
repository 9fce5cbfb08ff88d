"""Multiply-accumulates and resamplings, against what paper and pencil give."""

from __future__ import annotations

import keras
import pytest

from dcgan_kit.networks.resampling import Flattened, Pooled, Resize, Window
from dcgan_kit.networks.trace import trace

SHAPE = (8, 8, 6)


@pytest.mark.parametrize(
    ("kind", "name", "options", "macs"),
    [
        # kernel height · width · channels in · filters · height · width of the output
        ("convolution", "conv", {"kernel_size": 3}, 3 * 3 * 6 * 8 * 8 * 8),
        ("convolution", "conv", {"kernel_size": 3, "padding": "valid"}, 3 * 3 * 6 * 8 * 6 * 6),
        ("convolution", "conv", {"kernel_size": (3, 5)}, 3 * 5 * 6 * 8 * 8 * 8),
        ("convolution", "conv", {"kernel_size": 3, "dilation": 2}, 3 * 3 * 6 * 8 * 8 * 8),
        ("convolution", "separable_conv", {"kernel_size": 3}, 3 * 3 * 6 * 8 * 8 + 6 * 8 * 8 * 8),
        ("downsample", "strided_conv", {"kernel_size": 4}, 4 * 4 * 6 * 8 * 4 * 4),
        ("downsample", "conv_max_pool", {}, 3 * 3 * 6 * 8 * 8 * 8),
        ("downsample", "space_to_depth", {}, 4 * 6 * 8 * 4 * 4),
        ("downsample", "max_pool", {}, 0),
        # … of the input, of which each pixel paints a kernel
        ("upsample", "transposed_conv", {"kernel_size": 4}, 4 * 4 * 6 * 8 * 8 * 8),
        ("upsample", "transposed_conv", {"kernel_size": 5, "stride": 3}, 5 * 5 * 6 * 8 * 8 * 8),
        ("upsample", "resize_conv", {"kernel_size": 3}, 3 * 3 * 6 * 8 * 16 * 16),
        ("upsample", "pixel_shuffle", {"kernel_size": 3}, 3 * 3 * 6 * 32 * 8 * 8),
        ("upsample", "nearest", {}, 0),
        ("head", "dense", {}, 8 * 8 * 6),
        ("head", "conv", {}, 8 * 8 * 6),
        ("head", "sum_pool_dense", {}, 6),
        ("head", "max_pool_dense", {}, 6),
        ("head", "depthwise_dense", {}, 8 * 8 * 6 + 6),
        ("head", "dense", {"hidden": 5}, 8 * 8 * 6 * 5 + 5),
        # theta, phi and g; scores and weighted means of 4x4 pixels; output
        (
            "attention", "self_attention", {"query_ratio": 2},
            64 * 6 * (3 + 3 + 3) + 64 * 16 * (3 + 3) + 64 * 3 * 6,
        ),
        ("attention", "squeeze_excitation", {"ratio": 2}, 2 * 6 * 3),
        ("normalization", "batch", {}, 0),
        ("activation", "gelu", {}, 0),
    ],
    ids=str,
)  # fmt: skip
def test_multiply_accumulates(kind, name, options, macs, layers_of):
    assert trace(layers_of(kind, name, SHAPE, **options), [SHAPE]).macs == macs


def test_multiply_accumulates_of_layers_that_no_built_in_has():
    assert trace([keras.layers.Dense(5)], [(12,)]).macs == 12 * 5
    assert trace([keras.layers.Dense(5)], [SHAPE]).macs == 8 * 8 * 6 * 5
    assert trace([keras.layers.Conv2D(8, 3, groups=2, padding="same")], [SHAPE]).macs == 3 * 3 * 3 * 8 * 8 * 8
    assert trace([keras.layers.SeparableConv2D(5, 3, padding="same")], [SHAPE]).macs == (3 * 3 * 6 + 6 * 5) * 64


def test_a_constraint_costs_nothing_for_an_image():
    """What it computes of the kernel, it computes once for a whole batch, and it resamples nothing."""
    from dcgan_kit_plugins.constraint.layers import SpectralNormalization

    for wrapper in (keras.layers.SpectralNormalization, SpectralNormalization):
        found = trace([wrapper(keras.layers.Conv2D(8, 3, padding="same"))], [SHAPE])
        assert found.macs == 3 * 3 * 6 * 8 * 8 * 8
        assert list(found.operations) == [window(3)]


def window(size, stride=1, learned=True, transposed=False, dilation=1):
    return Window(learned, transposed, (size, size), (stride, stride), (dilation, dilation))


@pytest.mark.parametrize(
    ("kind", "name", "options", "operations"),
    [
        ("downsample", "strided_conv", {}, [window(4, 2)]),
        ("downsample", "strided_conv", {"stride": 1, "dilation": 2, "kernel_size": 3}, [window(3, dilation=2)]),
        ("downsample", "conv_average_pool", {}, [window(3), window(2, 2, learned=False)]),
        ("downsample", "max_pool", {"pool_size": 3, "stride": 2}, [window(3, 2, learned=False)]),
        # Fixed taps overlap evenly by design, whatever their number.
        ("downsample", "blur_pool", {}, [window(3, 2, learned=False)]),
        ("downsample", "blur_pool", {"size": 5, "stride": 4}, [window(5, 4, learned=False)]),
        ("downsample", "fir", {}, [window(4, 2, learned=False)]),
        ("upsample", "fir", {}, [Resize((2.0, 2.0))]),
        ("downsample", "space_to_depth", {}, [window(2, 2, learned=False), window(1)]),
        ("upsample", "transposed_conv", {"kernel_size": 5}, [window(5, 2, transposed=True)]),
        ("upsample", "transposed_conv", {"kernel_size": 5, "padding": "symmetric"}, [window(5, 2, transposed=True)]),
        ("downsample", "strided_conv", {"kernel_size": 5, "padding": "symmetric"}, [window(5, 2)]),
        ("upsample", "nearest", {"factor": (2, 3)}, [Resize((2.0, 3.0))]),
        ("upsample", "bilinear", {}, [Resize((2.0, 2.0), taps=2)]),
        ("upsample", "resize_conv", {}, [Resize((2.0, 2.0)), window(3)]),
        ("upsample", "resize_conv", {"interpolation": "bicubic"}, [Resize((2.0, 2.0), taps=4), window(3)]),
        ("upsample", "pixel_shuffle", {"factor": 4}, [window(3), Resize((4.0, 4.0))]),
        ("head", "dense", {"dropout": 0.5}, [Flattened()]),
        ("head", "average_pool_dense", {}, [Pooled(), Flattened()]),
        ("normalization", "batch", {}, []),
        ("regularizer", "dropout", {}, []),
    ],
    ids=str,
)  # fmt: skip
def test_resamplings(kind, name, options, operations, layers_of):
    assert list(trace(layers_of(kind, name, SHAPE, **options), [SHAPE]).operations) == operations


def test_a_dense_layer_on_a_map_looks_at_one_pixel():
    assert trace([keras.layers.Dense(5)], [SHAPE]).operations == ()


def test_padding_is_no_resampling():
    padded = [keras.layers.ZeroPadding2D(3), keras.layers.Conv2D(8, 7)]
    assert trace(padded, [SHAPE]).operations == (window(7),)


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_cropping_is_no_resampling(side):
    cropped = [keras.layers.Conv2DTranspose(8, 5, 2), keras.layers.Cropping2D(((2, 1), (2, 1)))]
    for layers in (cropped, [keras.Sequential(cropped)]):
        assert trace(layers, [(side, side, 6)]).operations == (window(5, 2, transposed=True),)

    class EverySecond(keras.layers.Layer):
        def call(self, inputs):
            return inputs[:, ::2, ::2]

    assert trace([EverySecond()], [SHAPE]).operations == (window(2, 2, learned=False),)


def test_attention_sees_everything():
    class Attention(keras.layers.Layer):
        def call(self, inputs):
            flat = keras.ops.reshape(inputs, (-1, 64, 6))
            scores = keras.ops.softmax(keras.ops.matmul(flat, keras.ops.transpose(flat, (0, 2, 1))))
            return keras.ops.reshape(keras.ops.matmul(scores, flat), (-1, 8, 8, 6))

    found = trace([Attention()], [SHAPE])
    assert found.macs == 2 * 64 * 64 * 6
    assert Flattened() in found.operations
