"""What XLA does not do is found from layers; what it does wrongly it still does wrongly; all else is right."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dcgan_kit.networks.error_message import refused_by_xla
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.xla_faults import centres_meet, xla_faults
from dcgan_kit.testing.layers import model_of

MAP = (6, 8, 3)


def faults(*members):
    return xla_faults(layers_within(model_of(list(members), MAP, "a test")))


def resized(old, new):
    """Resize a row of pixels, without XLA and with it."""
    x = tf.constant(np.random.default_rng(0).standard_normal((1, old, 1, 1)), tf.float32)

    def resize(x):
        return [tf.image.resize(x, (side, 1), "bilinear") for side in new]

    return resize(x), tf.function(resize, jit_compile=True, autograph=False)(x)


@pytest.mark.parametrize("old", [1, 4, 5, 6])
def test_bilinear_resizing_is_right_where_no_centres_meet(old):
    new = [side for side in range(1, 2 * old + 4) if not centres_meet(old, side)]
    for one, other in zip(*resized(old, new), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_bilinear_resizing_by_an_odd_factor_is_still_wrong():
    """If this fails, TensorFlow has mended it: then the rule can go."""
    for old, factor in ((4, 3), (6, 5)):
        assert centres_meet(old, factor * old)
        (one,), (other,) = resized(old, [factor * old])
        assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.MaxPooling2D(2), "XLA has no repeatable gradient of max pooling"),
        (layers.UpSampling2D(2, interpolation="bicubic"), "XLA has no bicubic resizing"),
        (layers.UpSampling2D(2, interpolation="lanczos3"), "XLA has no lanczos3 resizing"),
        (layers.Resizing(3, 4, interpolation="bilinear", antialias=True), "XLA has no antialiased resizing"),
        (layers.Resizing(3, 4, interpolation="bicubic"), "XLA has no bicubic resizing"),
    ],
)
def test_what_xla_refuses_is_named(layer, reason, determinism):
    determinism(True)
    layer.name = "one"
    assert faults(layer) == [f"{reason} (one)"]

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.square(layer(x)))
        return tape.gradient(total, x)

    x = tf.constant(np.random.default_rng(0).standard_normal((2, *MAP)), tf.float32)
    with pytest.raises(Exception) as raised:  # noqa: PT011
        tf.function(step, jit_compile=True, autograph=False)(x)
    assert refused_by_xla(raised.value)


WRONG = "XLA computes bilinear resizing by an odd ratio wrongly"


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (layers.UpSampling2D((2, 4), interpolation="bilinear"), False),
        (layers.UpSampling2D((2, 3), interpolation="bilinear"), True),
        (layers.UpSampling2D((1, 2), interpolation="bilinear"), False),
        (layers.UpSampling2D(3, interpolation="nearest"), False),
        (layers.Resizing(9, 12), False),
        (layers.Resizing(10, 12), True),
        (layers.Resizing(18, 16), True),
        (layers.Resizing(18, 16, interpolation="nearest"), False),
    ],
)
def test_which_resizing_xla_computes_wrongly(layer, found):
    layer.name = "one"
    assert faults(layer) == ([f"{WRONG} (one)"] if found else [])


class Outer(layers.Layer):
    """Resizes by a layer of its own, of whose calls Keras keeps no record."""

    def __init__(self, interpolation):
        super().__init__()
        self.inner = layers.Resizing(9, 12, interpolation=interpolation, name="inner")

    def call(self, inputs):
        return self.inner(inputs)


@pytest.mark.parametrize(("interpolation", "found"), [("nearest", []), ("bilinear", [f"{WRONG} (inner)"])])
def test_a_resizing_inside_another_layer_may_be_of_any_ratio(interpolation, found):
    assert faults(Outer(interpolation)) == found


def test_layers_with_one_fault_share_a_line():
    pools = layers.MaxPooling2D(2, name="first"), layers.MaxPooling2D(2, name="second")
    assert faults(*pools) == ["XLA has no repeatable gradient of max pooling (first, second)"]
