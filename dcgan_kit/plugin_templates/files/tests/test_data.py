"""The data keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit import ImageSpec
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.data import stripes


def test_contract():
    check_component(stripes)


def test_number():
    images = stripes(ImageSpec(8, 8, 1), count=4)
    numpy.testing.assert_array_equal(images.labels, [0, 1, 0, 1])
    # All columns of horizontal stripes are equal, and all rows of vertical ones.
    numpy.testing.assert_array_equal(images.pixels[0, :, 0], images.pixels[0, :, 5])
    numpy.testing.assert_array_equal(images.pixels[1, 0], images.pixels[1, 5])


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        stripes.options(count=0)
