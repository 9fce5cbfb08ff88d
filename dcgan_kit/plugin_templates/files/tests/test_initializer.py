"""The initializer keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.initializer import fan_out_normal


def test_contract():
    check_component(fan_out_normal)


def test_number():
    drawn = numpy.asarray(fan_out_normal(1, gain=2.0)((100, 400), "float32"))
    # gain / √fan_out = 2 / √400
    assert abs(drawn.std() - 0.1) < 0.002


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        fan_out_normal.options(gain=0.0)
