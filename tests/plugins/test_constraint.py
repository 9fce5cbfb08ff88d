from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import constraint
from keras import layers
from pydantic import ValidationError


def test_none_constrains_nothing():
    assert constraint.none() is None


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv2D(6, 3, name="conv"), (5, 5, 4)),
        (layers.Conv2DTranspose(6, 4, strides=2, name="conv"), (5, 5, 4)),
        (layers.Dense(6, name="conv"), (4,)),
    ],
    ids=["conv", "transposed_conv", "dense"],
)
def test_largest_singular_value_becomes_one(layer, shape, noise, tmp_path):
    wrapped = constraint.spectral(power_iterations=30)(layer)
    assert wrapped.name == "conv"
    model = keras.Sequential([keras.Input(shape), wrapped])
    x = noise(2, *shape)
    first = np.asarray(layer.kernel)
    model(x, training=True)
    kernel = np.asarray(layer.kernel)
    singular = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)
    assert singular[0] == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(kernel / kernel.ravel()[0], first / first.ravel()[0], rtol=1e-3)

    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(x), model(x), atol=1e-6)


def test_outside_training_the_kernel_is_left_alone(noise):
    layer = layers.Conv2D(6, 3)
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    before = np.asarray(layer.kernel)
    model(noise(2, 5, 5, 4), training=False)
    np.testing.assert_array_equal(layer.kernel, before)


def test_gradients_reach_the_kernel(noise):
    layer = layers.Conv2D(6, 3)
    model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(noise(2, 5, 5, 4), training=True) ** 2)
    kernel, bias = tape.gradient(loss, model.trainable_variables)
    assert np.abs(kernel).max() > 0
    assert np.abs(bias).max() > 0
    assert len(model.non_trainable_variables) == 1


def test_mixed_precision_keeps_the_kernel_in_float32(noise):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = layers.Conv2D(6, 3)
        model = keras.Sequential([keras.Input((5, 5, 4)), constraint.spectral()(layer)])
    finally:
        keras.config.set_dtype_policy("float32")
    model(noise(2, 5, 5, 4), training=True)
    kernel = np.asarray(layer.kernel)
    assert not np.array_equal(kernel, np.asarray(tf.cast(tf.cast(kernel, tf.bfloat16), tf.float32)))


@pytest.mark.parametrize("options", [{"power_iterations": 0}, {"power_iterations": 1.5}, {"iterations": 1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        constraint.spectral.options(**options)
