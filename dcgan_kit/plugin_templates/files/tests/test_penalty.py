"""The penalty keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.penalty import logit_drift


def test_contract():
    check_component(logit_drift)


def test_number():
    images = numpy.zeros((2, 4, 4, 1), "float32")
    found = logit_drift(weight=10.0).value(lambda _: numpy.array([[1.0], [3.0]], "float32"), images, images, None)
    # 10 · (1² + 3²) / 2
    assert float(found) == 50.0


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        logit_drift.options(weight=0.0)
