"""The projection keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.projection import hidden_dense


def test_contract():
    check_component(hidden_dense)


def test_number():
    site = Site("generator", "stage1", "projection", (2,), 1, False, lambda seed: keras.initializers.Ones())
    x = numpy.array([[1.0, 2.0]], "float32")
    for layer in hidden_dense(site, size=(1, 2), hidden=5):
        x = layer(x)
    # All weights are 1: each of the 5 hidden units is 1 + 2, and each pixel is their sum.
    numpy.testing.assert_allclose(x, numpy.full((1, 1, 2, 1), 15.0))


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        hidden_dense.options(hidden=0)
