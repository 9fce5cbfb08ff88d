"""The optimizer keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.optimizer import adamax


def test_contract():
    check_component(adamax)


def test_number():
    variable = keras.Variable([1.0])
    optimizer = adamax(learning_rate=0.1)
    optimizer.build([variable])
    optimizer.apply([keras.ops.array([5.0])], [variable])
    # The first step is as large as the learning rate, whatever the gradient.
    assert abs(float(variable[0]) - 0.9) < 1e-5


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        adamax.options(learning_rate=0.0)
