"""The regularizer keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.regularizer import gaussian_dropout


def test_contract():
    check_component(gaussian_dropout)


def test_number():
    site = Site("generator", "stage1", "regularizer", (1000,), 1000, False, lambda seed: keras.initializers.Ones())
    layer = gaussian_dropout(site, rate=0.5)
    ones = numpy.ones((50, 1000), "float32")
    numpy.testing.assert_array_equal(layer(ones, training=False), ones)
    drawn = numpy.asarray(layer(ones, training=True))
    # rate / (1 - rate) = 1
    assert abs(drawn.mean() - 1.0) < 0.02
    assert abs(drawn.std() - 1.0) < 0.02


def test_wrong_option():
    with pytest.raises(ValidationError, match="less than 1"):
        gaussian_dropout.options(rate=1.0)
