"""The conditioning keeps its contract, and gives a number that was computed by hand."""

import keras
import numpy
import pytest
from dcgan_kit import Site
from dcgan_kit.testing import check_component

from my_plugin.conditioning import shift_by_class


def test_contract():
    check_component(shift_by_class)


def test_number():
    site = Site(
        "generator", "stage1", "conditioning", (2,), 2, False, lambda seed: keras.initializers.Ones(), classes=3
    )
    # One class has one number for each feature, and all weights are 1.
    found = shift_by_class(site)([numpy.array([[4.0, 5.0]], "float32"), numpy.array([[0.0, 1.0, 0.0]], "float32")])
    numpy.testing.assert_allclose(found, [[5.0, 6.0]])


def test_a_recipe_without_classes():
    site = Site("generator", "stage1", "conditioning", (2,), 2, False, lambda seed: keras.initializers.Ones())
    with pytest.raises(ValueError, match="the recipe has no classes"):
        shift_by_class(site)
