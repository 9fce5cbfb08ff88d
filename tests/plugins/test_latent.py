from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import latent
from pydantic import ValidationError

LAWS = latent.dcgan_kit_components()
SEED = tf.constant([1, 2], tf.int32)


@pytest.mark.parametrize("component", LAWS, ids=lambda c: c.name)
def test_contract(component):
    draw = component.build(None, dict(component.options(size=7)))
    z = draw(5, SEED)
    assert z.dtype == tf.float32
    assert z.shape == (5, 7)
    np.testing.assert_array_equal(z, draw(5, SEED))
    assert not np.array_equal(z, draw(5, tf.constant([1, 3], tf.int32)))
    compiled = tf.function(lambda seed: draw(5, seed), jit_compile=True)(SEED)
    assert compiled.shape == (5, 7)
    assert np.isfinite(compiled).all()


def test_normal():
    z = np.asarray(latent.normal(size=50, stddev=2.0)(4000, SEED))
    assert z.mean() == pytest.approx(0.0, abs=0.02)
    assert z.std() == pytest.approx(2.0, abs=0.02)


def test_uniform():
    z = np.asarray(latent.uniform(size=50, low=-1.0, high=3.0)(4000, SEED))
    assert -1 <= z.min() < -0.99
    assert 2.99 < z.max() < 3
    assert z.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("threshold", [0.5, 2.0, 4.0])
def test_truncated_normal_is_the_normal_between_its_thresholds(threshold):
    z = np.asarray(latent.truncated_normal(size=50, threshold=threshold)(4000, SEED))
    assert np.abs(z).max() <= threshold
    assert np.abs(z).max() > 0.9 * threshold
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * threshold * density / math.erf(threshold / math.sqrt(2))
    assert z.var() == pytest.approx(variance, rel=0.02)


def test_sphere_has_radius_root_of_size_and_no_preferred_direction():
    z = np.asarray(latent.sphere(size=50)(4000, SEED))
    np.testing.assert_allclose((z**2).sum(1), 50.0, rtol=1e-5)
    np.testing.assert_allclose(z.mean(0), 0.0, atol=0.08)
    assert z.var() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (latent.normal, {"size": 0}),
        (latent.normal, {"stddev": 0.0}),
        (latent.uniform, {"low": float("-inf")}),
        (latent.truncated_normal, {"threshold": 0.0}),
        (latent.sphere, {"size": 10.0}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def test_uniform_needs_low_below_high():
    with pytest.raises(ValueError, match=r"low must be less than high. Received: low=1.0, high=1.0"):
        latent.uniform(low=1.0, high=1.0)
