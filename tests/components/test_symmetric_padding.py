"""Symmetric padding of one axis, against sums written down tap by tap, as PyTorch's manual defines its layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dcgan_kit import Site
from dcgan_kit.components import symmetric_padding


def site(*shape):
    return Site(
        role="discriminator", block="stage1", slot="slot", input_shape=shape, filters=3, bias=True,
        initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.5, seed=seed),
    )  # fmt: skip


def applied(layer, x):
    """The output of a layer with a random bias, its kernel and its bias."""
    layer(x)
    kernel, bias = layer.weights
    bias.assign(np.random.default_rng(2).standard_normal(bias.shape))
    return np.asarray(layer(x)), np.asarray(kernel), np.asarray(bias)


def noise(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype("float32")


def convolved(x, kernel, bias, stride, dilation, padding):
    """torch.nn.Conv2d(stride=, dilation=, padding=), of maps (B, H, W, C) and a kernel (K, K, C, F)."""
    size, reach = kernel.shape[0], dilation * (kernel.shape[0] - 1)
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = ((side - reach - 1) // stride + 1 for side in padded.shape[1:3])
    y = np.zeros((len(x), rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            patch = padded[:, i * stride :, j * stride :][:, : reach + 1 : dilation, : reach + 1 : dilation]
            y[:, i, j] = np.einsum("bklc,klcf->bf", patch[:, :size, :size], kernel) + bias
    return y


def spread(x, kernel, bias, stride, padding, output_padding):
    """torch.nn.ConvTranspose2d(stride=, padding=, output_padding=), of a Keras kernel (K, K, F, C)."""
    size = kernel.shape[0]
    rows, columns = ((side - 1) * stride + size + output_padding for side in x.shape[1:3])
    y = np.zeros((len(x), rows, columns, kernel.shape[2]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            y[:, i * stride : i * stride + size, j * stride : j * stride + size] += np.einsum(
                "bc,klfc->bklf", x[:, i, j], kernel
            )
    return y[:, padding : rows - padding, padding : columns - padding] + bias


@pytest.mark.parametrize("side", [5, 6, 8])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [(k, s, 1) for k in (1, 2, 3, 4, 5, 7) for s in (1, 2, 3)] + [(3, 1, 2), (2, 1, 3), (4, 1, 2)],
)
def test_a_convolution_is_pytorchs(kernel, stride, dilation, side):
    x = noise(2, side, side + 1, 2)
    layer = site(*x.shape[1:]).conv(kernel_size=kernel, stride=stride, dilation=dilation, padding="symmetric")
    found, *weights = applied(layer, x)
    expected = convolved(x, *weights, stride, dilation, dilation * (kernel - 1) // 2)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 5])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "output_padding"),
    [
        (5, 2, 2, 1),
        (3, 2, 1, 1),
        (4, 2, 1, 0),
        (7, 2, 3, 1),
        (6, 2, 2, 0),
        (3, 1, 1, 0),
        (3, 3, 1, 2),
        (1, 2, 0, 1),
        (5, 4, 2, 3),
    ],
)
def test_a_transposed_convolution_is_pytorchs(kernel, stride, padding, output_padding, side):
    x = noise(2, side, side + 1, 2)
    layer = site(*x.shape[1:]).transposed_conv(kernel_size=kernel, stride=stride, padding="symmetric")
    found, *weights = applied(layer, x)
    expected = spread(x, *weights, stride, padding, output_padding)
    assert found.shape == expected.shape == (2, side * stride, (side + 1) * stride, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_against_pytorch_itself():
    torch = pytest.importorskip("torch")
    x = noise(2, 8, 6, 2)
    channels_first = torch.from_numpy(x.transpose(0, 3, 1, 2))
    for kernel in (3, 4, 5):
        padding = (kernel - 1) // 2
        found, weights, bias = applied(site(8, 6, 2).conv(kernel_size=kernel, stride=2, padding="symmetric"), x)
        theirs = torch.nn.functional.conv2d(
            channels_first, torch.from_numpy(weights.transpose(3, 2, 0, 1)), torch.from_numpy(bias), 2, padding
        )
        np.testing.assert_allclose(found, theirs.numpy().transpose(0, 2, 3, 1), atol=1e-5)
        layer = site(8, 6, 2).transposed_conv(kernel_size=kernel, stride=2, padding="symmetric")
        found, weights, bias = applied(layer, x)
        theirs = torch.nn.functional.conv_transpose2d(
            channels_first, torch.from_numpy(weights.transpose(3, 2, 0, 1)), torch.from_numpy(bias), 2, padding,
            output_padding=kernel % 2,
        )  # fmt: skip
        np.testing.assert_allclose(found, theirs.numpy().transpose(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "dilation", "equal"),
    [
        (8, 3, 1, 1, True), (7, 5, 1, 1, True), (8, 3, 1, 2, True), (8, 4, 1, 1, False), (8, 4, 1, 2, True),
        (8, 4, 2, 1, True), (7, 4, 2, 1, False), (8, 3, 2, 1, False), (7, 3, 2, 1, True), (8, 5, 2, 1, False),
    ],
)  # fmt: skip
def test_where_both_paddings_are_the_same(side, kernel, stride, dilation, equal):
    assert symmetric_padding.equals_same(side, kernel, stride, dilation) is equal


@pytest.mark.parametrize(
    ("kernel", "stride", "equal"), [(4, 2, True), (2, 2, True), (3, 1, True), (5, 2, False), (3, 2, False)]
)
def test_where_both_croppings_are_the_same(kernel, stride, equal):
    assert symmetric_padding.transposed_equals_same(kernel, stride) is equal


def test_what_is_the_same_is_one_plain_layer_which_operations_can_be_fused_with():
    place = site(8, 8, 4)
    plain = (
        place.conv(padding="symmetric"), place.conv(kernel_size=4, stride=2, padding="symmetric"),
        place.transposed_conv(padding="symmetric"), place.depthwise_conv(padding="symmetric"),
    )  # fmt: skip
    assert [layer.padding for layer in plain] == ["same"] * 4
    # A pixel less: 3x3 of an odd map needs as many pixels on either side.
    assert place.conv(stride=2, padding="symmetric", input_shape=(7, 7, 4)).padding == "same"


def test_what_differs_is_one_layer_of_keras_layers():
    place = site(8, 8, 4)
    made = (
        (place.conv(stride=2, padding="symmetric"), ["ZeroPadding2D", "Conv2D"]),
        (place.depthwise_conv(kernel_size=4, padding="symmetric"), ["ZeroPadding2D", "DepthwiseConv2D"]),
        (place.transposed_conv(kernel_size=5, padding="symmetric"), ["Conv2DTranspose", "Cropping2D"]),
    )
    for layer, inside in made:
        assert type(layer) is keras.Sequential
        assert [type(each).__name__ for each in layer.layers] == inside
    # PyTorch's padding=1 of a 3x3 kernel at stride 2: nothing is put after the last pixel that no tap would see.
    assert made[0][0].layers[0].padding == ((1, 1), (1, 1))
    # A kernel of two pixels needs no padding, which Keras calls valid.
    assert place.conv(kernel_size=2, padding="symmetric").padding == "valid"


def test_first_weights_do_not_depend_on_the_padding():
    kernels = []
    for padding in ("same", "valid", "symmetric"):
        layer = site(8, 8, 4).conv(stride=2, padding=padding)
        layer(noise(1, 8, 8, 4))
        kernels.append(np.asarray(layer.weights[0]))
    np.testing.assert_array_equal(kernels[0], kernels[1])
    np.testing.assert_array_equal(kernels[0], kernels[2])
