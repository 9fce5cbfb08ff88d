from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import initializer
from pydantic import ValidationError

INITIALIZERS = initializer.dcgan_kit_components()
CONSTANT = {"zeros": 0.0, "ones": 1.0, "constant": 0.0}
SHAPE = (3, 3, 64, 128)
FAN_IN, FAN_OUT = 9 * 64, 9 * 128


def built(component, seed=7, **options):
    return component.build(seed, dict(component.options(**options)))


@pytest.mark.parametrize("component", INITIALIZERS, ids=lambda c: c.name)
def test_contract(component):
    first = built(component)
    assert isinstance(first, keras.initializers.Initializer)
    assert type(first).__module__.startswith("keras.")
    weights = np.asarray(first(SHAPE))
    assert weights.shape == SHAPE
    assert np.isfinite(weights).all()
    np.testing.assert_array_equal(weights, built(component)(SHAPE))
    if component.name in CONSTANT:
        assert (weights == CONSTANT[component.name]).all()
    else:
        assert not np.array_equal(weights, built(component, seed=8)(SHAPE))


@pytest.mark.parametrize(
    ("component", "options", "mean", "stddev"),
    [
        (initializer.normal, {}, 0.0, 0.02),
        (initializer.normal, {"mean": 1, "stddev": 0.5}, 1.0, 0.5),
        (initializer.truncated_normal, {}, 0.0, 0.02 * 0.8796),
        (initializer.uniform, {}, 0.0, 0.1 / 12**0.5),
        (initializer.uniform, {"low": 0.0, "high": 2.0}, 1.0, 2 / 12**0.5),
        (initializer.glorot_uniform, {}, 0.0, (2 / (FAN_IN + FAN_OUT)) ** 0.5),
        (initializer.glorot_normal, {}, 0.0, (2 / (FAN_IN + FAN_OUT)) ** 0.5),
        (initializer.he_normal, {}, 0.0, (2 / FAN_IN) ** 0.5),
        (initializer.he_uniform, {}, 0.0, (2 / FAN_IN) ** 0.5),
        (initializer.lecun_normal, {}, 0.0, (1 / FAN_IN) ** 0.5),
        (initializer.glorot_uniform, {"gain": 2**0.5}, 0.0, (4 / (FAN_IN + FAN_OUT)) ** 0.5),
        (initializer.glorot_normal, {"gain": 3}, 0.0, 3 * (2 / (FAN_IN + FAN_OUT)) ** 0.5),
        (initializer.he_normal, {"gain": 0.5}, 0.0, 0.5 * (2 / FAN_IN) ** 0.5),
        (initializer.he_uniform, {"gain": 6**-0.5}, 0.0, (1 / (3 * FAN_IN)) ** 0.5),
        (initializer.lecun_normal, {"gain": 2}, 0.0, 2 * (1 / FAN_IN) ** 0.5),
        (initializer.fan_in_normal, {}, 0.0, (1 / FAN_IN) ** 0.5),
        (initializer.fan_in_normal, {"gain": 0.8246}, 0.0, 0.8246 * (1 / FAN_IN) ** 0.5),
        (initializer.constant, {"value": 0.25}, 0.25, 0.0),
    ],
)
def test_mean_and_standard_deviation(component, options, mean, stddev):
    weights = np.asarray(built(component, **options)(SHAPE))
    assert weights.mean() == pytest.approx(mean, abs=0.02 * stddev + 1e-7)
    assert weights.std() == pytest.approx(stddev, rel=0.01)


GAINED = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "glorot_normal": keras.initializers.GlorotNormal,
    "he_normal": keras.initializers.HeNormal,
    "he_uniform": keras.initializers.HeUniform,
    "lecun_normal": keras.initializers.LecunNormal,
}


@pytest.mark.parametrize("name", GAINED)
def test_gain_1_is_the_class_of_keras_and_a_gain_multiplies_the_same_numbers(name):
    component, expected = getattr(initializer, name), np.asarray(GAINED[name](seed=7)(SHAPE))
    for plain in (built(component), built(component, gain=1.0)):
        assert type(plain) is GAINED[name]
        np.testing.assert_array_equal(plain(SHAPE), expected)
    # A power of two, so that nothing is rounded.
    np.testing.assert_array_equal(built(component, gain=2.0)(SHAPE), 2 * expected)


def test_fan_in_normal_is_not_truncated():
    weights = np.asarray(built(initializer.fan_in_normal)(SHAPE))
    assert np.abs(weights).max() > 4 / FAN_IN**0.5
    assert np.abs(np.asarray(built(initializer.lecun_normal)(SHAPE))).max() < 2.3 / FAN_IN**0.5


def test_truncated_normal_stays_within_two_standard_deviations():
    assert np.abs(built(initializer.truncated_normal)(SHAPE)).max() <= 0.04


@pytest.mark.parametrize(
    ("layer", "shape", "fan_in", "fan_out"),
    [
        (keras.layers.Conv2D(96, (3, 5)), (8, 8, 32), 15 * 32, 15 * 96),
        # Its kernel is that of the convolution which it turns round: it goes from 96 to 32.
        (keras.layers.Conv2DTranspose(96, 4, 2), (8, 8, 32), 16 * 96, 16 * 32),
        # A group has 8 of the 32 channels.
        (keras.layers.Conv2D(96, 5, groups=4), (8, 8, 32), 25 * 8, 25 * 96),
        (keras.layers.Dense(600), (300,), 300, 600),
    ],
    ids=lambda value: type(value).__name__,
)
def test_fans_are_those_of_the_kernel(layer, shape, fan_in, fan_out):
    layer.build((None, *shape))
    for component, variance in (
        (initializer.he_normal, 2 / fan_in),
        (initializer.he_uniform, 2 / fan_in),
        (initializer.lecun_normal, 1 / fan_in),
        (initializer.fan_in_normal, 1 / fan_in),
        (initializer.glorot_normal, 2 / (fan_in + fan_out)),
        (initializer.glorot_uniform, 2 / (fan_in + fan_out)),
    ):
        drawn = np.asarray(built(component)(tuple(layer.kernel.shape)))
        assert drawn.var() == pytest.approx(variance, rel=0.03), component


def test_orthogonal_rows_where_there_are_more_filters():
    matrix = np.asarray(built(initializer.orthogonal)((1, 1, 16, 40))).reshape(16, 40)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(16), atol=1e-4)


def test_orthogonal_columns():
    matrix = np.asarray(built(initializer.orthogonal, gain=2.0)(SHAPE)).reshape(-1, 128)
    np.testing.assert_allclose(matrix.T @ matrix, 4 * np.eye(128), atol=1e-4)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (initializer.normal, {"stddev": -0.02}),
        (initializer.normal, {"seed": 1}),
        (initializer.orthogonal, {"gain": 0}),
        (initializer.he_normal, {"gain": 0.0}),
        (initializer.fan_in_normal, {"gain": -1.0}),
        (initializer.constant, {"value": float("nan")}),
        (initializer.zeros, {"value": 1.0}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def test_uniform_needs_low_below_high():
    with pytest.raises(ValueError, match=r"low must be less than high. Received: low=1.0, high=0.05"):
        initializer.uniform(0, low=1.0)
