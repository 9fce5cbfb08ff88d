"""The schedule keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.schedule import triangle


def test_contract():
    check_component(triangle)


@pytest.mark.parametrize(("step", "factor"), [(0.0, 0.0), (15.0, 0.5), (30.0, 1.0), (65.0, 0.5), (100.0, 0.0)])
def test_number(step, factor):
    assert abs(float(triangle()(step, 100)) - factor) < 1e-6


def test_wrong_option():
    with pytest.raises(ValidationError, match="less than 1"):
        triangle.options(peak=1.0)
