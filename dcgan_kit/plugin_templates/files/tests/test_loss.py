"""The loss keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.loss import squared_hinge


def test_contract():
    check_component(squared_hinge)


def test_number():
    loss = squared_hinge()
    real, fake = numpy.array([[0.5], [2.0]], "float32"), numpy.array([[1.0], [-3.0]], "float32")
    assert float(loss.generator(real, fake, None)) == 1.0
    # Real: (0.5² + 0) / 2. Generated: (2² + 0) / 2.
    assert float(loss.discriminator(real, fake, None)) == 0.125 + 2.0


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        squared_hinge.options(margin=0.0)
