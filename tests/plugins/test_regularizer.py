from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import regularizer
from dcgan_kit_plugins.regularizer.layers import MinibatchStddev
from pydantic import ValidationError

from dcgan_kit.testing import check_component

REGULARIZERS = regularizer.dcgan_kit_components()
ONES = np.ones((64, 5, 6, 8), "float32")


@pytest.mark.parametrize("shape", [(4, 6, 8), (8,)], ids=["map", "vector"])
@pytest.mark.parametrize("component", REGULARIZERS, ids=lambda c: c.name)
def test_contract(component, shape):
    check_component(component, shapes=[shape])


def test_dropout_drops_single_features(model_of):
    y = np.asarray(model_of(regularizer.dropout, (5, 6, 8), rate=0.25)(ONES, training=True))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)


def test_spatial_dropout_drops_whole_channels(model_of):
    y = np.asarray(model_of(regularizer.spatial_dropout, (5, 6, 8), rate=0.25)(ONES, training=True))
    assert (y == y[:, :1, :1]).all()
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.06)


def test_gaussian_noise_has_the_standard_deviation_asked_for(model_of):
    y = np.asarray(model_of(regularizer.gaussian_noise, (5, 6, 8), stddev=0.5)(ONES, training=True))
    assert y.mean() == pytest.approx(1.0, abs=0.02)
    assert y.std() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", ["dropout", "spatial_dropout", "gaussian_noise", "none"])
def test_nothing_happens_outside_training(name, model_of):
    (component,) = (c for c in REGULARIZERS if c.name == name)
    np.testing.assert_array_equal(model_of(component, (5, 6, 8))(ONES, training=False), ONES)


def test_the_random_numbers_depend_on_the_site(place):
    x = np.ones((4, 64), "float32")
    here, again, there = (
        np.asarray(regularizer.dropout(place((64,), slot=slot), rate=0.5)(x, training=True))
        for slot in ("dropout1", "dropout1", "dropout2")
    )
    np.testing.assert_array_equal(here, again)
    assert not np.array_equal(here, there)


def expected_statistic(x, group):
    # In the paper's code image n is compared with n + m, n + 2m, … where m is the number of groups.
    grouped = x.reshape(group, len(x) // group, -1)
    return np.tile(np.sqrt(grouped.var(0) + 1e-8).mean(1), group)


@pytest.mark.parametrize(
    ("batch", "group_size", "group"), [(8, 4, 4), (8, 8, 8), (6, 4, 6), (3, 4, 3), (12, 3, 3), (1, 4, 1)]
)
@pytest.mark.parametrize("shape", [(4, 6, 5), (7,)], ids=["map", "vector"])
def test_minibatch_stddev(batch, group_size, group, shape, noise):
    x = noise(batch, *shape)
    y = np.asarray(MinibatchStddev(group_size)(x))
    np.testing.assert_array_equal(y[..., :-1], x)
    statistic = expected_statistic(x, group)
    np.testing.assert_allclose(y[..., -1].reshape(batch, -1), np.tile(statistic[:, None], y[0, ..., 0].size), rtol=1e-4)


def test_minibatch_stddev_of_equal_images_is_nearly_zero_and_has_a_gradient(noise):
    x = tf.repeat(tf.constant(noise(1, 4, 4, 3)), 8, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = MinibatchStddev()(x)
    np.testing.assert_allclose(y[..., -1], 1e-4, rtol=0.1)
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_minibatch_stddev_of_a_batch_of_unknown_size(jit_compile, noise):
    layer = MinibatchStddev(4)
    unknown = tf.function(layer, jit_compile=jit_compile, input_signature=[tf.TensorSpec((None, 4, 4, 3))])
    for batch in (8, 6):
        x = noise(batch, 4, 4, 3)
        np.testing.assert_allclose(unknown(x), layer(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (regularizer.dropout, {"rate": 1.0}),
        (regularizer.spatial_dropout, {"rate": -0.1}),
        (regularizer.gaussian_noise, {"stddev": -1.0}),
        (regularizer.minibatch_stddev, {"group_size": 1}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
