from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import activation, conditioning, head, normalization
from dcgan_kit_plugins.head.layers import PerChannel
from pydantic import ValidationError

from dcgan_kit.networks.side_inputs import with_sides
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


@pytest.mark.parametrize(
    ("component", "pool"),
    [(head.sum_pool_dense, np.sum), (head.average_pool_dense, np.mean), (head.max_pool_dense, np.max)],
)
def test_pooled_heads(component, pool, model_of, noise):
    x = noise(2, 3, 5, 4)
    model = model_of(component, (3, 5, 4))
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    np.testing.assert_allclose(model(x), pool(x, axis=(1, 2)) @ kernel + bias, atol=1e-5)


def test_depthwise_dense_weighs_the_pixels_of_each_channel(model_of, noise):
    x = noise(2, 3, 5, 4)
    model = model_of(head.depthwise_dense, (3, 5, 4))
    kernels, kernel, bias = (np.asarray(weight) for weight in model.weights)
    assert kernels.shape == (3, 5, 4, 1)
    np.testing.assert_allclose(model(x), (x * kernels[..., 0]).sum((1, 2)) @ kernel + bias, atol=1e-5)


def test_depthwise_dense_of_r3gan(model_of):
    # Huang et al. 2025 at CIFAR size: 768 kernels of 4x4, and a dense layer without bias.
    draw = lambda seed: keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=seed)  # noqa: E731
    model = model_of(head.depthwise_dense, (4, 4, 768), bias=False, initializer=draw)
    assert model.count_params() == 17 * 768
    kernels, kernel = (np.asarray(weight) for weight in model.weights)
    assert kernels.std() == pytest.approx(1 / 4, rel=0.03), "the fan_in is 4 · 4, not 4 · 4 · 768"
    assert kernel.std() == pytest.approx(768**-0.5, rel=0.1)


def test_depthwise_projection_fits_the_weighed_pixels_to_the_class(layers_of, noise):
    x, classes = noise(3, 2, 5, 4), [2, 0, 1]
    (model,) = layers_of(head.depthwise_projection, (2, 5, 4), bias=False, units=6)
    kernel, dense, embedding = (
        np.asarray(model.get_layer(name).kernel) for name in ("depthwise", "dense", "embedding")
    )
    assert (kernel.shape, dense.shape, embedding.shape) == ((2, 5, 4, 1), (4, 6), (3, 6))
    features = np.einsum("bhwc,hwc->bc", x, kernel[..., 0]) @ dense
    expected = (features * embedding[classes]).sum(1, keepdims=True)
    np.testing.assert_allclose(model([x, np.eye(3, dtype="float32")[classes]]), expected, rtol=1e-4, atol=1e-7)


def test_kernels_of_channels_survive_their_configuration():
    first = PerChannel(keras.initializers.HeNormal(seed=3))
    again = keras.initializers.deserialize(keras.initializers.serialize(first))
    np.testing.assert_array_equal(first((3, 3, 4, 1)), again((3, 3, 4, 1)))


def test_hidden_units_are_normalized_and_activated(place, noise):
    x = noise(4, 3, 5, 4)
    options = dict(head.dense.options(hidden=6))
    options["normalization"] = lambda site: [normalization.layer.build(site, dict(normalization.layer.options()))]
    options["activation"] = lambda site: activation.leaky_relu.build(site, {"negative_slope": 0.2})
    made = head.dense.build(place((3, 5, 4)), options)
    assert [layer.name for layer in made if "dense" in layer.name or layer.name == "hidden"] == ["hidden", "dense"]
    y = x
    for layer in made:
        y = layer(y)
    weights = [np.asarray(weight) for layer in made for weight in layer.weights]
    assert [weight.shape for weight in weights] == [(60, 6), (6,), (6,), (6,), (6, 1), (1,)]
    units = x.reshape(4, -1) @ weights[0] + weights[1]
    units = (units - units.mean(1, keepdims=True)) / np.sqrt(units.var(1, keepdims=True) + 1e-5)
    units = np.maximum(units, 0.2 * units)
    np.testing.assert_allclose(y, units @ weights[4] + weights[5], atol=1e-4)


def test_every_dense_layer_of_a_head_gets_the_class(place, noise):
    x, label = noise(3, 3, 5, 4), np.eye(3, dtype="float32")[[2, 0, 1]]
    options = dict(head.dense.options(hidden=6))
    options["conditioning"] = lambda site: conditioning.concatenate.build(
        site, dict(conditioning.concatenate.options())
    )
    made = head.dense.build(place((3, 5, 4)), options)
    y, sides = keras.ops.convert_to_tensor(x), {"label": keras.ops.convert_to_tensor(label)}
    for layer in made:
        y = layer(with_sides(layer, y, sides))
    weights = [np.asarray(weight) for layer in made for weight in layer.weights]
    assert [weight.shape for weight in weights] == [(63, 6), (6,), (9, 1), (1,)]
    units = np.concatenate([x.reshape(3, -1), label], 1) @ weights[0] + weights[1]
    np.testing.assert_allclose(y, np.concatenate([units, label], 1) @ weights[2] + weights[3], atol=1e-5)


def test_the_only_dense_layer_of_a_head_gets_the_class(place):
    options = dict(head.dense.options())
    options["conditioning"] = lambda site: conditioning.concatenate.build(
        site, dict(conditioning.concatenate.options())
    )
    *_, told, dense = head.dense.build(place((3, 5, 4)), options)
    assert told.output_shape == (None, 63)
    assert dense.units == 1


@pytest.mark.parametrize(("generated", "width"), [(False, 4), (True, 5)])
def test_a_classifier_may_have_a_class_for_generated_images(generated, width, layers_of, noise):
    (model,) = layers_of(head.auxiliary_classifier, (3, 5, 4), generated_class=generated)
    x = noise(2, 3, 5, 4)
    assert model.output_shape == (None, width)
    logits = x.sum((1, 2)) @ np.asarray(model.get_layer("classes").kernel)
    np.testing.assert_allclose(model(x)[:, 1:], logits, atol=1e-5)


def test_contract_of_a_class_for_generated_images():
    check_component(head.auxiliary_classifier, shapes=[(3, 5, 4)], generated_class=True)


def test_contract_of_hidden_units():
    check_component(head.dense, shapes=[(3, 5, 4)], hidden=6)


def test_normalization_and_activation_need_hidden_units(place):
    with pytest.raises(ValueError, match=r"are those of hidden units. Received: hidden=None; set hidden"):
        head.dense(place((3, 5, 4)), activation=lambda site: [])


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
    [
        (head.dense, {"dropout": 1.0}),
        (head.conv, {"padding": "same"}),
        (head.conv, {"kernel_size": 0}),
        (head.dense, {"hidden": 0}),
        (head.max_pool_dense, {"dropout": 0.1}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
