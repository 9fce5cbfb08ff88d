"""The downsample keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.downsample import mixed_pool


def test_contract():
    check_component(mixed_pool)


def test_number():
    site = Site("generator", "stage1", "downsample", (2, 2, 1), 1, False, lambda seed: keras.initializers.Ones())
    # The maximum is 45 and the mean is 25: half of each is 35.
    found = mixed_pool(site)(numpy.array([[0.0, 20.0], [35.0, 45.0]], "float32").reshape(1, 2, 2, 1))
    assert float(found[0, 0, 0, 0]) == 35.0


def test_wrong_option():
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        mixed_pool.options(share=1.5)
