from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import projection
from pydantic import ValidationError

from dcgan_kit.testing import check_component

PROJECTIONS = projection.dcgan_kit_components()


@pytest.mark.parametrize("component", PROJECTIONS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(10,)])


@pytest.mark.parametrize(
    ("component", "options", "expected"),
    [
        (projection.dense, {}, (4, 4, 8)),
        (projection.dense, {"size": 7}, (7, 7, 8)),
        (projection.dense, {"size": (3, 5)}, (3, 5, 8)),
        (projection.transposed_conv, {}, (4, 4, 8)),
        (projection.transposed_conv, {"kernel_size": 3, "stride": 2}, (3, 3, 8)),
        (projection.transposed_conv, {"kernel_size": (3, 5)}, (3, 5, 8)),
        (projection.transposed_conv, {"stride": 5}, (5, 5, 8)),
        (projection.transposed_conv, {"stride": 5, "padding": "same"}, (5, 5, 8)),
        (projection.transposed_conv, {"stride": 5, "padding": "symmetric"}, (5, 5, 8)),
    ],
)
def test_sizes(component, options, expected, model_of):
    assert model_of(component, (10,), **options).output_shape[1:] == expected


def test_dense_ends_in_a_plain_reshape(layers_of):
    # The builder moves it behind a normalization of the flat features.
    *_, last = layers_of(projection.dense, (10,))
    assert type(last) is keras.layers.Reshape


def test_transposed_conv_is_dense_with_a_bias_for_each_filter(model_of, noise):
    z = noise(2, 10)
    model = model_of(projection.transposed_conv, (10,), filters=3)
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(model(z), np.einsum("bz,hwfz->bhwf", z, kernel) + bias, atol=1e-6)


def test_parameters_of_published_projections(model_of):
    radford = model_of(projection.dense, (100,), filters=1024, bias=False)
    assert radford.count_params() == 100 * 16384
    pytorch = model_of(projection.transposed_conv, (100,), filters=512, bias=False)
    assert pytorch.count_params() == 4 * 4 * 512 * 100


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 2000}, {"size": (4,)}, {"filters": 3}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        projection.dense.options(**options)
