"""The class_loss keeps its contract, gives a number that was computed by hand, and refuses a wrong option."""

import numpy
import pytest
from dcgan_kit.testing import check_component
from pydantic import ValidationError

from my_plugin.class_loss import smoothed_cross_entropy


def test_contract():
    check_component(smoothed_cross_entropy)


def test_number():
    loss = smoothed_cross_entropy()
    logits, classes = numpy.zeros((2, 4), "float32"), numpy.eye(4, dtype="float32")[:2]
    # Equal logits: each class has the probability 1/4, whatever the targets are.
    numpy.testing.assert_allclose(loss.generator(logits, classes), numpy.log(4.0), rtol=1e-6)
    numpy.testing.assert_allclose(loss.discriminator(logits, classes, logits, classes), numpy.log(4.0), rtol=1e-6)


def test_wrong_option():
    with pytest.raises(ValidationError, match="less than 1"):
        smoothed_cross_entropy.options(smoothing=1.0)
