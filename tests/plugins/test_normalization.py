from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import normalization
from dcgan_kit_plugins.normalization.layers import CurrentBatchNormalization, PixelNormalization
from pydantic import ValidationError

from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.testing import check_component

NORMALIZATIONS = normalization.dcgan_kit_components()
MAP = (4, 6, 8)


@pytest.mark.parametrize("component", NORMALIZATIONS, ids=lambda c: c.name)
def test_contract_on_maps(component):
    check_component(component, shapes=[MAP])


@pytest.mark.parametrize("component", [c for c in NORMALIZATIONS if c.name != "instance"], ids=lambda c: c.name)
def test_contract_on_vectors(component):
    check_component(component, shapes=[(32,)])


def test_contract_of_batch_with_the_statistics_at_hand():
    check_component(normalization.batch, shapes=[MAP], sampling="batch")


def standardized(x, axes, epsilon=1e-5):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize(
    ("component", "options", "shape", "axes"),
    [
        (normalization.batch, {}, MAP, (0, 1, 2)),
        (normalization.batch, {}, (8,), 0),
        (normalization.batch, {"sampling": "batch"}, MAP, (0, 1, 2)),
        (normalization.batch, {"sampling": "batch"}, (8,), 0),
        (normalization.layer, {}, MAP, (1, 2, 3)),
        (normalization.layer, {"over": "channels"}, MAP, 3),
        (normalization.layer, {}, (8,), 1),
        (normalization.instance, {}, MAP, (1, 2)),
        (normalization.group, {"groups": 1}, MAP, (1, 2, 3)),
        (normalization.group, {"groups": 8}, MAP, (1, 2)),
    ],
)
def test_mean_and_variance_are_taken_over_these_axes(component, options, shape, axes, model_of, noise):
    x = 3 * noise(5, *shape) + 2
    # One that is nearly nothing, and one that shows whether it is inside of the root.
    for epsilon in (1e-5, 1.0):
        model = model_of(component, shape, epsilon=epsilon, **options)
        np.testing.assert_allclose(model(x, training=True), standardized(x, axes, epsilon), atol=2e-5)


def test_groups_are_of_neighbouring_channels(model_of, noise):
    x = noise(5, *MAP)
    expected = standardized(x.reshape(5, 4, 6, 2, 4), (1, 2, 4)).reshape(x.shape)
    np.testing.assert_allclose(model_of(normalization.group, MAP, groups=2)(x), expected, atol=2e-5)
    flat = noise(5, 8)
    expected = standardized(flat.reshape(5, 2, 4), 2).reshape(flat.shape)
    np.testing.assert_allclose(model_of(normalization.group, (8,), groups=2)(flat), expected, atol=2e-5)


@pytest.mark.parametrize("component", [normalization.rms, normalization.pixel], ids=lambda c: c.name)
@pytest.mark.parametrize("shape", [MAP, (8,)])
def test_root_mean_square(component, shape, model_of, noise):
    x = noise(5, *shape)
    for epsilon in (component.options().epsilon, 1.0):
        expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
        np.testing.assert_allclose(model_of(component, shape, epsilon=epsilon)(x), expected, rtol=1e-5)


def test_only_rms_learns(model_of):
    assert model_of(normalization.rms, MAP).count_params() == 8
    assert model_of(normalization.pixel, MAP).count_params() == 0


def test_pixel_normalization_of_nothing_has_a_gradient():
    import tensorflow as tf

    x = tf.zeros((1, 2, 2, 4))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = PixelNormalization()(x)
    np.testing.assert_allclose(y, 0.0)
    assert np.isfinite(tape.gradient(y, x)).all()


def test_running_statistics_follow_the_momentum(model_of, noise):
    x = noise(64, *MAP) * 2 + 1
    model = model_of(normalization.batch, MAP, momentum=0.75)
    model(x, training=True)
    (layer,) = model.layers[1:]
    np.testing.assert_allclose(layer.moving_mean, 0.25 * x.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * x.var((0, 1, 2)), rtol=1e-4)
    expected = (x - np.asarray(layer.moving_mean)) / np.sqrt(np.asarray(layer.moving_variance) + 1e-5)
    np.testing.assert_allclose(model(x, training=False), expected, atol=1e-5)


def test_sampling_from_the_batch_reads_no_running_statistics_and_writes_none(model_of, noise):
    model = model_of(normalization.batch, MAP, sampling="batch")
    (layer,) = model.layers[1:]
    assert isinstance(layer, CurrentBatchNormalization)
    model(noise(8, *MAP), training=True)
    before = [np.asarray(weight) for weight in layer.non_trainable_weights]
    x = 5 * noise(8, *MAP) - 3
    np.testing.assert_allclose(model(x, training=False), standardized(x, (0, 1, 2)), atol=2e-5)
    for old, new in zip(before, layer.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.allclose(before[0], 0), "training must still keep the running statistics"


def test_sampling_from_the_batch_trains_like_stock_batch_normalization(model_of, noise):
    x = noise(8, *MAP)
    ours, stock = (model_of(normalization.batch, MAP, sampling=how) for how in ("batch", "running"))
    np.testing.assert_allclose(ours(x, training=True), stock(x, training=True), atol=1e-6)
    for mine, theirs in zip(ours.weights, stock.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_conditional_batch_samples_from_the_batch_as_it_trains(layers_of, noise):
    (model,) = layers_of(normalization.conditional_batch, MAP, sampling="batch")
    given = [5 * noise(6, *MAP) - 3, np.eye(3, dtype="float32")[[0, 1, 2, 2, 1, 0]]]
    sampled = model(given, training=False)
    np.testing.assert_array_equal(model.get_layer("batch").moving_mean, np.zeros(8))
    np.testing.assert_allclose(sampled, model(given, training=True), atol=1e-5)
    np.testing.assert_allclose(sampled, standardized(given[0], (0, 1, 2)), atol=2e-5)


@pytest.mark.parametrize(
    ("options", "count"),
    [({}, 16), ({"scale": False}, 8), ({"center": False}, 8), ({"center": False, "scale": False}, 0)],
)
@pytest.mark.parametrize(
    "component", [normalization.batch, normalization.layer, normalization.instance, normalization.group]
)
def test_scale_and_shift_are_learned_for_each_channel(component, options, count, model_of):
    model = model_of(component, MAP, **options)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == count


def test_scale_initializer(model_of):
    def draws(seed):
        return keras.initializers.RandomNormal(1.0, 0.02, seed=seed)

    (layer,) = model_of(normalization.batch, (4096,), scale_initializer=draws).layers[1:]
    assert np.mean(layer.gamma) == pytest.approx(1.0, abs=0.002)
    assert np.std(layer.gamma) == pytest.approx(0.02, rel=0.1)


def test_normalizations_are_stock_layers_but_two(layers_of):
    custom = {
        component.name
        for component in NORMALIZATIONS
        for layer in layers_within(*layers_of(component, MAP))
        if not type(layer).__module__.startswith("keras.")
    }
    assert custom == {"pixel"}


@pytest.mark.parametrize("shape", [(8,), (1, 1, 8)])
def test_instance_refuses_channels_of_one_pixel(shape, place):
    with pytest.raises(ValueError, match=r"channels of more than one pixel.*Received: shape"):
        normalization.instance(place(shape))


def test_groups_must_divide_the_channels(place):
    with pytest.raises(ValueError, match=r"groups must divide the channels. Received: groups=3, channels=8"):
        normalization.group(place(MAP), groups=3)
    with pytest.raises(ValueError, match=r"a group needs more than one feature"):
        normalization.group(place((8,)), groups=8)


@pytest.mark.parametrize(
    "options",
    [{"momentum": 1.0}, {"epsilon": 0.0}, {"sampling": "mean"}, {"groups": 2}, {"scale": "yes"}, {"momentum": "0.9"}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        normalization.batch.options(**options)
