"""The activation keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.activation import snake


def test_contract():
    check_component(snake)


def test_number():
    # sin(pi / 2) = 1, so x + sin²(x) = pi / 2 + 1.
    found = snake()(numpy.array([[numpy.pi / 2, 0.0]], "float32"))
    numpy.testing.assert_allclose(found, [[numpy.pi / 2 + 1.0, 0.0]], rtol=1e-6)


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        snake.options(frequency=0.0)
