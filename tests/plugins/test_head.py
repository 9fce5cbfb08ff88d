from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import head
from pydantic import ValidationError

from dcgan_kit.testing import check_component

HEADS = head.dcgan_kit_components()


@pytest.mark.parametrize("component", HEADS, ids=lambda c: c.name)
def test_contract(component):
    check_component(component, shapes=[(3, 5, 4)])


def test_contract_of_dense_with_dropout():
    check_component(head.dense, shapes=[(3, 5, 4)], dropout=0.5)


@pytest.mark.parametrize("component", [head.dense, head.conv], ids=lambda c: c.name)
def test_dense_and_whole_conv_are_one_linear_map(component, model_of, noise):
    x = noise(2, 3, 5, 4)
    model = model_of(component, (3, 5, 4))
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(model(x), x.reshape(2, -1) @ kernel.reshape(-1, 1) + bias, atol=1e-5)


@pytest.mark.parametrize(("component", "pool"), [(head.sum_pool_dense, np.sum), (head.average_pool_dense, np.mean)])
def test_pooled_heads(component, pool, model_of, noise):
    x = noise(2, 3, 5, 4)
    model = model_of(component, (3, 5, 4))
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(model(x), pool(x, axis=(1, 2)) @ kernel + bias, atol=1e-5)


def test_dropout_acts_in_training_only(model_of, noise):
    x = noise(2, 3, 5, 4)
    model = model_of(head.dense, (3, 5, 4), dropout=0.9)
    np.testing.assert_array_equal(model(x), model(x))
    assert not np.array_equal(model(x, training=True), model(x))


@pytest.mark.parametrize(
    ("shape", "options", "parameters"),
    [
        # pytorch/examples: 4x4; the lecture: 5x5 at stride 2, which sees 4x4 of it.
        ((4, 4, 512), {"kernel_size": 4, "bias": False}, 8192),
        ((5, 5, 32), {"kernel_size": 4, "stride": 2}, 513),
    ],
)
def test_published_conv_heads(shape, options, parameters, model_of):
    model = model_of(head.conv, shape, **options)
    assert model.output_shape == (None, 1)
    assert model.count_params() == parameters


@pytest.mark.parametrize("options", [{"kernel_size": 3}, {"kernel_size": 5}, {"kernel_size": (4, 2)}])
def test_conv_must_fit_exactly_once(options, place):
    with pytest.raises(ValueError, match=r"fit into the map exactly once. Received: map 4x4"):
        head.conv(place((4, 4, 8)), **options)


@pytest.mark.parametrize(
    ("component", "options"),
    [(head.dense, {"dropout": 1.0}), (head.conv, {"padding": "same"}), (head.conv, {"kernel_size": 0})],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
