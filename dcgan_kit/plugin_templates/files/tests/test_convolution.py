"""The convolution keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.convolution import row_then_column


def test_contract():
    check_component(row_then_column)


def test_number():
    site = Site("generator", "stage1", "convolution", (3, 3, 1), 1, False, lambda seed: keras.initializers.Ones())
    row, column = row_then_column(site)
    # All weights are 1, so the pixel in the middle gets the sum of its 3x3 neighbours.
    found = column(row(numpy.arange(9, dtype="float32").reshape(1, 3, 3, 1)))
    assert float(found[0, 1, 1, 0]) == sum(range(9))


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        row_then_column.options(size=0)
