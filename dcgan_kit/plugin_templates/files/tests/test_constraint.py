"""The constraint keeps its contract, and gives a number that was computed by hand."""

import keras
import numpy
from dcgan_kit.testing import check_component

from my_plugin.constraint import unit_norm


def test_contract():
    check_component(unit_norm)


def test_number():
    layer = unit_norm()(keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="dense"))
    # A filter of four ones has the length 2.
    found = layer(numpy.ones((1, 4), "float32"))
    numpy.testing.assert_allclose(found, [[2.0]], rtol=1e-6)
