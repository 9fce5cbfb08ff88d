from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import optimizer
from pydantic import ValidationError

OPTIMIZERS = optimizer.dcgan_kit_components()


@pytest.mark.parametrize("component", OPTIMIZERS, ids=lambda c: c.name)
def test_contract(component):
    built = component.build(None, dict(component.options()))
    assert isinstance(built, keras.optimizers.Optimizer)
    assert component.build(None, dict(component.options())) is not built
    weights = keras.Variable([1.0, -2.0])
    for _ in range(200):
        built.apply([2 * weights], [weights])
    assert (np.abs(weights) < [1.0, 2.0]).all()


def test_first_step_of_adam_is_the_learning_rate_against_the_sign():
    weights = keras.Variable([1.0, -2.0])
    optimizer.adam(learning_rate=0.25).apply([keras.ops.convert_to_tensor([3.0, -0.01])], [weights])
    np.testing.assert_allclose(weights, [0.75, -1.75], rtol=1e-4)


def test_defaults_are_radfords():
    adam = optimizer.adam()
    assert float(adam.learning_rate) == pytest.approx(2e-4)
    assert adam.beta_1 == 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0},
        {"learning_rate": "1e-4"},
        {"learning_rate": float("inf")},
        {"beta_1": 1.0},
        {"epsilon": 0.0},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        optimizer.adam.options(**options)
