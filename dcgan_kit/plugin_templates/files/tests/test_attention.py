"""The attention keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.attention import pixel_gate


def test_contract():
    check_component(pixel_gate)


def test_number():
    site = Site("generator", "stage1", "attention", (1, 1, 1), 1, False, lambda seed: keras.initializers.Zeros())
    # A gate of weights 0 is sigmoid(0) = 1/2.
    found = pixel_gate(site)(numpy.full((1, 1, 1, 1), 6.0, "float32"))
    assert float(found[0, 0, 0, 0]) == 3.0


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        pixel_gate.options(kernel_size=0)
