"""The latent keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.latent import laplace


def test_contract():
    check_component(laplace)


def test_number():
    drawn = numpy.abs(laplace(size=1000, scale=2.0)(100, numpy.array([1, 2])))
    # The mean absolute value is the scale, and half of all are above scale · log 2.
    assert abs(drawn.mean() - 2.0) < 0.05
    assert abs((drawn > 2.0 * numpy.log(2.0)).mean() - 0.5) < 0.01


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        laplace.options(scale=0.0)
