"""The augmentation keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.augmentation import pixel_noise


def test_contract():
    check_component(pixel_noise)


class Stream:
    """Stands for the random stream of a training."""

    def uniform(self, shape):
        return numpy.full(shape, 0.5, "float32")

    def normal(self, shape):
        return numpy.ones(shape, "float32")


def test_number():
    images = numpy.zeros((2, 4, 4, 1), "float32")
    transform = pixel_noise(stddev=0.25).transform
    numpy.testing.assert_array_equal(transform(images, 0.4, Stream()), images)
    numpy.testing.assert_array_equal(transform(images, 0.6, Stream()), images + 0.25)


def test_wrong_option():
    with pytest.raises(ValidationError, match="greater than 0"):
        pixel_noise.options(stddev=0.0)
