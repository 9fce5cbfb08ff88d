from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import convolution
from pydantic import ValidationError

from dcgan_kit.testing import check_component

CONVOLUTIONS = convolution.dcgan_kit_components()


@pytest.mark.parametrize("component", CONVOLUTIONS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(5, 7, 3)])


@pytest.mark.parametrize("component", CONVOLUTIONS, ids=lambda c: c.name)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (9, 7, 8)),
        ({"kernel_size": (5, 1)}, (9, 7, 8)),
        ({"padding": "valid"}, (7, 5, 8)),
        ({"padding": "valid", "kernel_size": (4, 1)}, (6, 7, 8)),
        ({"padding": "valid", "dilation": 2}, (5, 3, 8)),
        ({"padding": "same", "dilation": (1, 2)}, (9, 7, 8)),
        ({"padding": "symmetric", "dilation": (1, 2)}, (9, 7, 8)),
        ({"padding": "symmetric", "kernel_size": (4, 3)}, (8, 7, 8)),
    ],
)
def test_sizes(component, options, expected, model_of):
    assert model_of(component, (9, 7, 3), **options).output_shape[1:] == expected


def test_groups_are_convolutions_side_by_side(model_of, noise):
    x = noise(2, 5, 6, 4)
    model = model_of(convolution.conv, (5, 6, 4), filters=6, groups=2)
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    assert kernel.shape == (3, 3, 2, 6)
    halves = [keras.ops.conv(x[..., 2 * n : 2 * n + 2], kernel[..., 3 * n : 3 * n + 3], padding="same") for n in (0, 1)]
    np.testing.assert_allclose(model(x), np.concatenate(halves, -1) + bias, atol=1e-5)


@pytest.mark.parametrize("component", CONVOLUTIONS, ids=lambda c: c.name)
def test_contract_of_symmetric_padding(component):
    check_component(component, shapes=[(5, 7, 4)], padding="symmetric", kernel_size=4)


def test_contract_of_groups():
    check_component(convolution.conv, shapes=[(5, 7, 8)], groups=4)
    check_component(convolution.conv, shapes=[(5, 7, 8)], groups=2, dilation=2)


@pytest.mark.parametrize(("channels", "filters"), [(4, 6), (6, 4)])
def test_groups_must_divide_channels_and_filters(channels, filters, place):
    message = f"groups must divide the channels.*Received: groups=3, {channels} channels, {filters} filters"
    with pytest.raises(ValueError, match=message):
        convolution.conv(place((5, 6, channels), filters), groups=3)


def test_groups_count_the_channels_that_the_convolution_is_given(place):
    assert place((5, 6, 4), 6).conv(groups=3, input_shape=(5, 6, 9)).groups == 3


def ones(seed):
    return keras.initializers.Ones()


def test_conv_adds_up_what_the_kernel_covers(model_of, noise):
    x = noise(2, 5, 6, 3)
    y = model_of(convolution.conv, (5, 6, 3), filters=1, padding="valid", initializer=ones)(x)
    expected = sum(x[:, i : i + 3, j : j + 4].sum(-1) for i in range(3) for j in range(3))
    np.testing.assert_allclose(y[..., 0], expected, atol=1e-5)


def test_separable_conv_is_a_conv_with_a_factored_kernel(model_of, noise):
    x = noise(2, 5, 6, 3)
    model = model_of(convolution.separable_conv, (5, 6, 3), filters=4)
    depthwise, pointwise, bias = (np.asarray(weight) for weight in model.weights)
    assert (depthwise.shape, pointwise.shape, bias.shape) == ((3, 3, 3, 1), (1, 1, 3, 4), (4,))
    whole = keras.ops.conv(x, depthwise * pointwise.reshape(1, 1, 3, 4), padding="same")
    np.testing.assert_allclose(model(x), whole + bias, atol=1e-5)
    assert not np.allclose(depthwise.ravel()[:9], pointwise.ravel()[:9]), "both must not draw the same numbers"


@pytest.mark.parametrize("component", CONVOLUTIONS, ids=lambda c: c.name)
def test_bias_is_the_sites_unless_set(component, model_of):
    with_bias = model_of(component, (5, 6, 3)).count_params()
    assert model_of(component, (5, 6, 3), bias=False).count_params() == with_bias - 8


def test_option_bias_wins_over_the_site(place):
    assert convolution.conv(place((5, 6, 3), bias=False), bias=True).use_bias
    assert not convolution.conv(place((5, 6, 3), bias=True), bias=False).use_bias


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 0},
        {"kernel_size": (3, 3, 3)},
        {"kernel_size": 3.0},
        {"padding": "full"},
        {"stride": 2},
        {"dilation": 0},
        {"groups": 0},
    ],
)
@pytest.mark.parametrize("component", CONVOLUTIONS, ids=lambda c: c.name)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
