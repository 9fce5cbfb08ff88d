from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import optimizer
from pydantic import ValidationError

OPTIMIZERS = optimizer.dcgan_kit_components()
DECAYING = [component for component in OPTIMIZERS if "weight_decay" in component.options.model_fields]


def stepped(component, gradients, start=(1.0, -2.0), **options):
    """Weights after one step for each gradient."""
    built = component.build(None, dict(component.options(**options)))
    weights = keras.Variable(start)
    for gradient in gradients:
        built.apply([keras.ops.convert_to_tensor(gradient)], [weights])
    return np.asarray(weights)


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


def adam_by_hand(w, gradients, rate, epsilon, beta_1=0.5, beta_2=0.9, weight_decay=0.0):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        w = w * (1 - rate * weight_decay)
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        w = w - rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
    return w


def nadam_by_hand(w, gradients, rate, epsilon, beta_1=0.5, beta_2=0.9, weight_decay=0.0):
    m = v = 0.0
    mu = [beta_1 * (1 - 0.5 * 0.96**i) for i in range(1, len(gradients) + 2)]
    for t, g in enumerate(gradients, 1):
        w = w * (1 - rate * weight_decay)
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        ahead = mu[t] * m / (1 - np.prod(mu[: t + 1])) + (1 - mu[t - 1]) * g / (1 - np.prod(mu[:t]))
        w = w - rate * ahead / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    return w


def rmsprop_by_hand(w, gradients, rate, epsilon, rho=0.75, momentum=0.0, centered=False, weight_decay=0.0):
    v = a = u = 0.0
    for g in gradients:
        w = w * (1 - rate * weight_decay)
        v, a = rho * v + (1 - rho) * g**2, rho * a + (1 - rho) * g
        u = momentum * u + rate * g / np.sqrt(v - (a**2 if centered else 0.0) + epsilon)
        w = w - u
    return w


def adagrad_by_hand(w, gradients, rate, epsilon, initial_accumulator=0.25, weight_decay=0.0):
    v = initial_accumulator
    for g in gradients:
        w = w * (1 - rate * weight_decay)
        v = v + g**2
        w = w - rate * g / np.sqrt(v + epsilon)
    return w


def sgd_by_hand(w, gradients, rate, momentum, nesterov=False, weight_decay=0.0):
    u = 0.0
    for g in gradients:
        w = w * (1 - rate * weight_decay)
        u = momentum * u - rate * g
        w = w + (momentum * u - rate * g if nesterov else u)
    return w


def lion_by_hand(w, gradients, rate, beta_1=0.8, beta_2=0.6, weight_decay=0.0):
    m = 0.0
    for g in gradients:
        w = w * (1 - rate * weight_decay)
        w = w - rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
    return w


FORMULAS = [
    (optimizer.adam, adam_by_hand, {"epsilon": 0.3, "beta_1": 0.5, "beta_2": 0.9}),
    (optimizer.adam, adam_by_hand, {"epsilon": 1e-7, "beta_1": 0.0, "beta_2": 0.999}),
    (optimizer.adamw, adam_by_hand, {"epsilon": 0.3, "beta_1": 0.9, "beta_2": 0.5, "weight_decay": 0.7}),
    (optimizer.nadam, nadam_by_hand, {"epsilon": 0.3, "beta_1": 0.5, "beta_2": 0.9}),
    (optimizer.nadam, nadam_by_hand, {"epsilon": 0.1, "beta_1": 0.9, "beta_2": 0.99, "weight_decay": 0.7}),
    (optimizer.rmsprop, rmsprop_by_hand, {"epsilon": 0.3, "rho": 0.75}),
    (optimizer.rmsprop, rmsprop_by_hand, {"epsilon": 0.3, "rho": 0.75, "momentum": 0.5, "weight_decay": 0.7}),
    (optimizer.rmsprop, rmsprop_by_hand, {"epsilon": 0.3, "rho": 0.5, "centered": True}),
    (optimizer.adagrad, adagrad_by_hand, {"epsilon": 0.3, "initial_accumulator": 0.25}),
    (optimizer.adagrad, adagrad_by_hand, {"epsilon": 0.1, "initial_accumulator": 0.0, "weight_decay": 0.7}),
    (optimizer.sgd, sgd_by_hand, {"momentum": 0.0}),
    (optimizer.sgd, sgd_by_hand, {"momentum": 0.5, "weight_decay": 0.7}),
    (optimizer.sgd, sgd_by_hand, {"momentum": 0.5, "nesterov": True}),
    (optimizer.lion, lion_by_hand, {"beta_1": 0.8, "beta_2": 0.6, "weight_decay": 0.7}),
]


@pytest.mark.parametrize(
    ("component", "by_hand", "options"), FORMULAS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_each_step_is_the_formula_of_the_docstring(component, by_hand, options):
    """Epsilons are as large as gradients, so that it shows where they enter."""
    gradients = [[0.3, -0.02], [-0.1, 0.4], [0.05, 0.6]]
    expected = by_hand(np.array([1.0, -2.0]), np.array(gradients), 0.1, **options)
    np.testing.assert_allclose(stepped(component, gradients, learning_rate=0.1, **options), expected, rtol=2e-6)


def test_every_formula_is_tried():
    assert {component for component, _, _ in FORMULAS} == set(OPTIMIZERS)


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
