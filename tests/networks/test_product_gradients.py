"""Convolutions whose gradient by weights is matrix products: the same numbers as TensorFlow's, and when they serve."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from forward_comparison import everything, inputs_of, scales_of
from keras import layers

from dcgan_kit.networks import product_gradients
from dcgan_kit.networks.fused_forward import forward_of

SIZES = [(8, 8), (7, 9), (1, 1), (14, 6)]


def derivatives(run, x, kernel):
    """A map, its gradients, and gradients of a penalty on them."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = run(x, kernel)
            value = tf.reduce_sum(tf.sin(y))
        gradients = tape.gradient(value, [x, kernel])
        penalty = tf.add_n([tf.reduce_sum(gradient**3) for gradient in gradients])
    return [y, *gradients, *outer.gradient(penalty, [x, kernel])]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 3), (4, 4), (5, 5)])
@pytest.mark.parametrize("transposed", [False, True])
def test_derivatives_are_those_of_tensorflow(size, stride, kernel_size, transposed, monkeypatch):
    draw = np.random.default_rng(0)
    x, kernel = tf.constant(draw.normal(size=(2, *size, 5))), tf.constant(draw.normal(size=(*kernel_size, 3, 5)))
    if transposed:
        run = product_gradients.transposed_convolution
        shape = (2, *(stride * side for side in size), 3)
        expected = derivatives(lambda x, k: tf.nn.conv2d_transpose(x, k, shape, stride, "SAME"), x, kernel)
    else:
        run, kernel = product_gradients.convolution, tf.transpose(kernel, (0, 1, 3, 2))
        expected = derivatives(lambda x, k: tf.nn.conv2d(x, k, stride, "SAME"), x, kernel)
    asked = []
    monkeypatch.setattr(product_gradients, "suits_products", lambda *given: asked.append(given) or True)
    found = derivatives(lambda x, k: run(x, k, stride), x, kernel)
    assert asked
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_products_serve_large_kernels_on_few_pixels_in_bfloat16(monkeypatch):
    suits, wide = product_gradients.suits_products, (4, 4, 256, 512)
    assert suits("bfloat16", (64, 8, 8, 256), wide, 2)
    assert suits("bfloat16", (64, 16, 16, 128), (4, 4, 128, 256), 2)
    assert not suits("bfloat16", (64, 32, 32, 64), (4, 4, 64, 128), 2)
    assert not suits("bfloat16", (4096, 8, 8, 256), wide, 2)
    for dtype in ("float32", "float16", "float64"):
        assert not suits(dtype, (64, 8, 8, 256), wide, 2)
    assert not suits("bfloat16", (None, 8, 8, 256), wide, 2)
    assert not suits("bfloat16", (64, None, 8, 256), wide, 2)
    assert not suits("bfloat16", (1, 4, 4, 3), (4, 4, 3, 512), 2)
    assert not suits("bfloat16", (1, 4, 4, 512), (4, 4, 512, 3), 2)
    monkeypatch.setattr(product_gradients, "has_accelerator", lambda: True)
    assert not suits("bfloat16", (64, 8, 8, 256), wide, 2)


def wide_model():
    given = keras.Input((8, 8, 64))
    x = layers.Conv2D(64, 4, 2, "same", use_bias=False)(given)
    x = layers.Conv2D(64, 3, padding="same", activation="relu")(layers.UpSampling2D(2)(x))
    x = layers.Conv2DTranspose(64, 5, 2, "same", bias_initializer="ones")(x)
    x = layers.AveragePooling2D(2)(layers.Conv2D(64, 3, padding="same")(x))
    return keras.Model(given, layers.Conv2D(64, 3, 2, "valid")(x))


def test_a_network_is_as_precise_as_with_the_operations_of_onednn(monkeypatch):
    model, x = wide_model(), inputs_of(wide_model())
    exact, asked, suits = everything(model, model, x), [], product_gradients.suits_products
    monkeypatch.setattr(product_gradients, "suits_products", lambda *given: asked.append(suits(*given)) or asked[-1])
    for layer in model.layers:
        layer.dtype_policy = "mixed_bfloat16"
    forward = forward_of(model)
    assert [line.partition(": ")[2].partition(" ")[0] for line in forward.fused] == ["its", "one", "its", "one"]
    assert sum("matrix products" in line for line in forward.fused) == 2
    usual, found, scales = everything(model, model, x), everything(model, forward, x), scales_of(exact)
    assert len(asked) >= 4
    assert all(asked)
    for name, number in exact.items():
        ours, theirs = (np.sqrt(np.mean((n[name] - number) ** 2)) / scales[name] for n in (found, usual))
        assert ours <= 2 * theirs + 1e-2, (name, ours, theirs)


def test_a_forward_pass_follows_the_precision_that_the_layers_have_now():
    model = wide_model()
    forward, x = forward_of(model), inputs_of(model)
    exact = forward(x, training=True)
    for layer in model.layers:
        layer.dtype_policy = "mixed_bfloat16"
    assert sum("matrix products" in line for line in forward.fused) == 2
    assert forward(x, training=True).dtype == "bfloat16"
    for layer in model.layers:
        layer.dtype_policy = "float32"
    assert not any("matrix products" in line for line in forward.fused)
    assert np.array_equal(forward(x, training=True), exact)


def test_float32_is_left_to_the_layers():
    model = wide_model()
    assert not any("matrix products" in line for line in forward_of(model).fused)
    strides = keras.Sequential([keras.Input((8, 8, 64)), layers.Conv2D(64, 3, padding="valid", dtype="bfloat16")])
    assert not forward_of(strides).fused
