"""The score keeps its contract, and gives a number that was computed by hand."""

import numpy
from dcgan_kit import ScoreInputs
from dcgan_kit.testing import check_component

from my_plugin.score import grey_level


def test_contract():
    check_component(grey_level)


def summary(pixels):
    accumulator = grey_level().gathering.start()
    accumulator.add(numpy.array(pixels, numpy.uint8), None)
    return accumulator.summary()


def test_number():
    inputs = ScoreInputs(fake=summary([10, 30]), reference=summary([5, 5, 5]))
    assert grey_level().compare(inputs) == {"grey_level": 15.0}
