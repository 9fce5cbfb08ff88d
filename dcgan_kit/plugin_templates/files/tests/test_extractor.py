"""The extractor keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit import Images
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.extractor import thumbnail


def test_contract():
    check_component(thumbnail)


def test_number():
    # Left half black, right half white.
    pixels = numpy.zeros((1, 4, 6, 1), numpy.uint8)
    pixels[:, :, 3:] = 255
    extractor = thumbnail(Images(pixels), cells=2)
    numpy.testing.assert_array_equal(extractor.describe(pixels).features, [[0.0, 1.0, 0.0, 1.0]])


def test_more_cells_than_pixels():
    with pytest.raises(ValueError, match="cells must be at most the shorter side"):
        thumbnail(Images(numpy.zeros((1, 3, 6, 1), numpy.uint8)), cells=4)


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        thumbnail.options(cells=0)
