"""The normalization keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.normalization import scaled_batch


def test_contract():
    check_component(scaled_batch)


def test_number():
    site = Site("generator", "stage1", "normalization", (2,), 2, False, lambda seed: keras.initializers.Ones())
    # Mean 3 and variance 4 over the batch: ±1 after normalization.
    found = scaled_batch(site)(numpy.array([[1.0, 1.0], [5.0, 5.0]], "float32"), training=True)
    numpy.testing.assert_allclose(found, [[-1.0, -1.0], [1.0, 1.0]], atol=1e-4)


def test_wrong_option():
    with pytest.raises(ValidationError, match="less than 1"):
        scaled_batch.options(momentum=1.0)
