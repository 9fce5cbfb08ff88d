from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import activation
from pydantic import ValidationError

from dcgan_kit.testing import check_component

ACTIVATIONS = activation.dcgan_kit_components()
X = np.array([[-20.0, -3.0, -1.0, -0.25, 0.25, 1.0, 3.0, 20.0]], "float32")
# What float32 cannot hold apart from its limit has no gradient left.
FLAT = {"relu": X < 0, "hard_tanh": abs(X) > 1, "sigmoid": abs(X) > 5, "tanh": abs(X) > 5, "softplus": X < -5}


@pytest.mark.parametrize("shape", [(4, 6, 8), (8,)], ids=["map", "vector"])
@pytest.mark.parametrize("component", ACTIVATIONS, ids=lambda c: c.name)
def test_contract(component, shape):
    check_component(component, shapes=[shape])


@pytest.mark.parametrize("component", ACTIVATIONS, ids=lambda c: c.name)
def test_gradients_are_finite_and_there(component, model_of):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model_of(component, (8,))(x)
    gradient = tape.gradient(y, x).numpy()
    assert np.isfinite(gradient).all()
    saturated = FLAT.get(component.name, X < -5 if component.name in ("elu", "selu", "gelu", "silu") else X > 99)
    assert (gradient[~saturated] != 0).all()


def phi(x):
    return np.vectorize(lambda v: (1 + math.erf(v / math.sqrt(2))) / 2)(x)


@pytest.mark.parametrize(
    ("component", "options", "expected"),
    [
        (activation.relu, {}, np.maximum(X, 0)),
        (activation.leaky_relu, {}, np.where(X > 0, X, 0.1 * X)),
        (activation.leaky_relu, {"negative_slope": 0.2}, np.where(X > 0, X, 0.2 * X)),
        (activation.prelu, {}, np.where(X > 0, X, 0.25 * X)),
        (activation.elu, {"alpha": 2}, np.where(X > 0, X, 2 * np.expm1(X))),
        (activation.selu, {}, 1.05070098 * np.where(X > 0, X, 1.67326324 * np.expm1(X))),
        (activation.gelu, {}, X * phi(X)),
        (
            activation.gelu,
            {"approximate": True},
            X / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3))),
        ),
        (activation.silu, {}, X / (1 + np.exp(-X))),
        (activation.softplus, {}, np.log1p(np.exp(X))),
        (activation.sigmoid, {}, 1 / (1 + np.exp(-X))),
        (activation.tanh, {}, np.tanh(X)),
        (activation.tanh, {"low": 0, "high": 1}, 0.5 * np.tanh(X) + 0.5),
        (activation.tanh, {"low": -2.0, "high": 4.0}, 3 * np.tanh(X) + 1),
        (activation.hard_tanh, {}, np.clip(X, -1, 1)),
        (activation.linear, {}, X),
    ],
)
def test_values(component, options, expected, model_of):
    np.testing.assert_allclose(model_of(component, (8,), **options)(X), expected, rtol=2e-6, atol=2e-6)


def test_softplus_of_large_numbers_is_finite(model_of):
    y = model_of(activation.softplus, (2,))(np.array([[-1e4, 1e4]], "float32"))
    np.testing.assert_array_equal(y, [[0.0, 1e4]])


def test_prelu_learns_one_slope_a_channel_of_a_map_and_one_a_unit_of_a_vector(model_of):
    assert model_of(activation.prelu, (4, 6, 8)).count_params() == 8
    assert model_of(activation.prelu, (5,)).count_params() == 5


def test_activations_load_in_plain_keras(layers_of):
    for component in ACTIVATIONS:
        assert all(type(layer).__module__.startswith("keras.") for layer in layers_of(component, (8,)))


def test_approximate_gelu_survives_saving(model_of, tmp_path):
    model = model_of(activation.gelu, (8,), approximate=True)
    model.save(tmp_path / "gelu.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "gelu.keras")(X), model(X))


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (activation.leaky_relu, {"negative_slope": 1.0}),
        (activation.leaky_relu, {"negative_slope": -0.1}),
        (activation.leaky_relu, {"slope": 0.1}),
        (activation.leaky_relu, {"negative_slope": "0.2"}),
        (activation.leaky_relu, {"negative_slope": float("nan")}),
        (activation.elu, {"alpha": 0}),
        (activation.tanh, {"high": float("inf")}),
        (activation.gelu, {"approximate": 1}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def test_tanh_needs_low_below_high():
    with pytest.raises(ValueError, match=r"low must be less than high. Received: low=1.0, high=-1.0"):
        activation.tanh(low=1.0, high=-1.0)
