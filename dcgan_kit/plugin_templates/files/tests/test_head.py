"""The head keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.head import patches


def test_contract():
    check_component(patches)


def test_number():
    site = Site("generator", "stage1", "head", (2, 2, 1), 1, False, lambda seed: keras.initializers.Ones())
    x = numpy.arange(4, dtype="float32").reshape(1, 2, 2, 1)
    for layer in patches(site, kernel_size=1):
        x = layer(x)
    assert float(x[0, 0]) == 1.5


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        patches.options(kernel_size=0)
