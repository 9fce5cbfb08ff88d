"""The upsample keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.upsample import enlarge_and_mix


def test_contract():
    check_component(enlarge_and_mix)


def test_number():
    site = Site("generator", "stage1", "upsample", (1, 1, 1), 1, False, lambda seed: keras.initializers.Ones())
    x = numpy.full((1, 1, 1, 1), 3.0, "float32")
    for layer in enlarge_and_mix(site):
        x = layer(x)
    # Each of the 2x2 pixels is 3, and each sees all four of them through a 3x3 kernel of ones.
    numpy.testing.assert_allclose(x, numpy.full((1, 2, 2, 1), 12.0))


def test_wrong_option():
    with pytest.raises(ValidationError, match="'nearest' or 'bilinear'"):
        enlarge_and_mix.options(how="cubic")
