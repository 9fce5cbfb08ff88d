from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import loss

from dcgan_kit import AdversarialLoss

LOSSES = loss.dcgan_kit_components()
REAL = tf.constant([[1.5], [-0.5], [3.0]])
FAKE = tf.constant([[-2.0], [0.25], [1.0]])


@pytest.mark.parametrize("component", LOSSES, ids=lambda c: c.name)
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_contract(component, dtype):
    losses = component.build(None, dict(component.options()))
    assert isinstance(losses, AdversarialLoss)
    for side in (losses.generator, losses.discriminator):
        fake = tf.cast(FAKE, dtype)
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = side(tf.cast(REAL, dtype), fake)
        assert value.shape == ()
        assert value.dtype == tf.float32
        assert np.isfinite(value)
        assert tape.gradient(value, fake) is not None


def test_non_saturating_is_binary_cross_entropy_on_probabilities():
    real, fake = (1 / (1 + np.exp(-np.asarray(logits, "float64"))) for logits in (REAL, FAKE))
    losses = loss.non_saturating()
    np.testing.assert_allclose(losses.generator(REAL, FAKE), -np.log(fake).mean(), rtol=1e-6)
    expected = -np.log(real).mean() - np.log(1 - fake).mean()
    np.testing.assert_allclose(losses.discriminator(REAL, FAKE), expected, rtol=1e-6)


def test_an_undecided_discriminator_gives_log_2_and_log_4():
    losses = loss.non_saturating()
    zero = tf.zeros((4, 1))
    assert float(losses.generator(zero, zero)) == pytest.approx(np.log(2))
    assert float(losses.discriminator(zero, zero)) == pytest.approx(np.log(4))


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_neither_overflow_nor_lose_the_generators_gradient(logit):
    losses = loss.non_saturating()
    fake = tf.constant([[logit]])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = losses.generator(fake, fake)
    assert float(value) == pytest.approx(max(-logit, 0.0))
    # The discriminator being sure of a fake is where the generator needs its gradient: -1, not 0.
    assert float(tape.gradient(value, fake)[0, 0]) == pytest.approx(-1.0 if logit < 0 else 0.0)
    assert np.isfinite(losses.discriminator(fake, fake))
