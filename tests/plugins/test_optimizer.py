from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import optimizer
from pydantic import ValidationError

from dcgan_kit.testing import check_component

OPTIMIZERS = optimizer.dcgan_kit_components()
DECAYING = [component for component in OPTIMIZERS if "weight_decay" in component.options.model_fields]


def stepped(component, gradients, start=(1.0, -2.0), **options):
    """Weights after one step for each gradient."""
    built = component.build(None, dict(component.options(**options)))
    weights = keras.Variable(start)
    for gradient in gradients:
        built.apply([keras.ops.convert_to_tensor(gradient)], [weights])
    return np.asarray(weights)


@pytest.mark.parametrize("component", OPTIMIZERS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component)
    built = component.build(None, dict(component.options()))
    weights = keras.Variable([1.0, -2.0])
    for _ in range(200):
        built.apply([2 * weights], [weights])
    assert (np.abs(weights) < [1.0, 2.0]).all()


@pytest.mark.parametrize("component", [optimizer.adam, optimizer.nadam, optimizer.lion], ids=lambda c: c.name)
def test_a_first_step_is_about_the_learning_rate_against_the_sign(component):
    moved = stepped(component, [[3.0, -0.01]], learning_rate=0.25) - [1.0, -2.0]
    np.testing.assert_array_equal(np.sign(moved), [-1, 1])
    # Nesterov's look ahead lengthens the first step.
    tolerance = 0.5 if component is optimizer.nadam else 1e-3
    np.testing.assert_allclose(np.abs(moved), 0.25, rtol=tolerance)
    assert abs(moved[0]) == pytest.approx(abs(moved[1]), rel=1e-3)


def test_adam_over_steps():
    m = v = 0.0
    weight = 1.0
    for step, gradient in enumerate([3.0, -1.0, 0.5], 1):
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        weight -= 0.1 * (m / (1 - 0.5**step)) / np.sqrt(v / (1 - 0.9**step))
    steps = [[3.0], [-1.0], [0.5]]
    assert stepped(optimizer.adam, steps, (1.0,), learning_rate=0.1, beta_2=0.9) == pytest.approx(weight, rel=1e-5)


def test_sgd_with_momentum_and_without():
    options = {"learning_rate": 0.1, "momentum": 0.0}
    assert stepped(optimizer.sgd, [[1.0], [1.0]], (1.0,), **options) == pytest.approx(0.8)
    options["momentum"] = 0.5
    assert stepped(optimizer.sgd, [[1.0], [1.0]], (1.0,), **options) == pytest.approx(1 - 0.1 - 0.15)
    # Nesterov: v ← 0.5 v - 0.1 g, w ← w + 0.5 v - 0.1 g
    ahead = 1 + (0.5 * -0.1 - 0.1) + (0.5 * -0.15 - 0.1)
    assert stepped(optimizer.sgd, [[1.0], [1.0]], (1.0,), nesterov=True, **options) == pytest.approx(ahead)


def test_rmsprop_divides_by_the_running_root_mean_square():
    moved = 1 - stepped(optimizer.rmsprop, [[2.0]], (1.0,), learning_rate=0.1, rho=0.75)
    assert moved == pytest.approx(0.1 * 2 / np.sqrt(0.25 * 4), rel=1e-5)


def test_adagrad_divides_by_all_squares_so_far():
    options = {"learning_rate": 0.1, "initial_accumulator": 0.5}
    moved = 1 - stepped(optimizer.adagrad, [[2.0], [1.0]], (1.0,), **options)
    assert moved == pytest.approx(0.1 * (2 / np.sqrt(4.5) + 1 / np.sqrt(5.5)), rel=1e-5)


@pytest.mark.parametrize("component", DECAYING, ids=lambda c: c.name)
def test_weight_decay_shrinks_weights_apart_from_gradients(component):
    without = stepped(component, [[0.0, 0.0]], learning_rate=0.1, weight_decay=0.0)
    np.testing.assert_array_equal(without, [1.0, -2.0])
    decayed = stepped(component, [[0.0, 0.0]], learning_rate=0.1, weight_decay=0.5)
    np.testing.assert_allclose(decayed, [0.95, -1.9], rtol=1e-5)


def test_adamw_without_decay_is_adam():
    steps = [[3.0, -1.0], [0.5, 0.25]]
    np.testing.assert_array_equal(stepped(optimizer.adamw, steps, weight_decay=0.0), stepped(optimizer.adam, steps))


def test_defaults_are_the_published_ones():
    adam = optimizer.adam()
    assert float(adam.learning_rate) == pytest.approx(2e-4)
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.5, 0.999, 1e-7)
    assert float(optimizer.rmsprop().learning_rate) == pytest.approx(5e-5)
    assert (optimizer.lion().beta_1, optimizer.lion().beta_2) == (0.9, 0.99)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (optimizer.adam, {"learning_rate": 0}),
        (optimizer.adam, {"learning_rate": "1e-4"}),
        (optimizer.adam, {"learning_rate": float("inf")}),
        (optimizer.adam, {"beta_1": 1.0}),
        (optimizer.adam, {"epsilon": 0.0}),
        (optimizer.adam, {"weight_decay": 0.1}),
        (optimizer.adamw, {"weight_decay": -0.1}),
        (optimizer.nadam, {"beta_2": 1.0}),
        (optimizer.rmsprop, {"rho": 1.0}),
        (optimizer.sgd, {"momentum": 1.0}),
        (optimizer.lion, {"beta_1": 0.0}),
        (optimizer.adagrad, {"initial_accumulator": -1.0}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
