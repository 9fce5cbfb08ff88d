"""Directions of a generator that is linear: there, what changes most is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from dcgan_kit.explorer.directions import directions


class Linear:
    """Images of 12 pixels, z → z A."""

    def __init__(self, matrix):
        self._matrix = tf.constant(matrix, tf.float32)
        self.recipe = SimpleNamespace(image=SimpleNamespace(shape=(3, 4, 1)))

    def inputs(self, latent, labels):
        return (latent,)

    def values(self, latent):
        return tf.reshape(latent @ self._matrix, (-1, 3, 4, 1))


def test_the_first_directions_are_those_of_the_largest_singular_values():
    random = np.random.default_rng(0)
    left, _ = np.linalg.qr(random.standard_normal((5, 5)))
    right, _ = np.linalg.qr(random.standard_normal((12, 12)))
    strengths = np.array([9.0, 3.0, 1.0, 0.1, 0.0])
    latent = random.standard_normal((4096, 5)).astype(np.float32)
    found = directions(Linear(left * strengths @ right[:5]), latent, np.zeros(4096, int))
    for place in range(3):
        assert abs(found.vectors[place] @ left[:, place]) > 0.99
        assert found.vectors[place][np.abs(found.vectors[place]).argmax()] > 0
    np.testing.assert_allclose(found.shares[:2], strengths[:2] ** 2 / (strengths**2).sum(), rtol=0.1)


def test_a_step_along_the_first_direction_changes_real_pictures_most(shipped):
    from dcgan_kit.explorer.source import Source

    source = Source(shipped, "shipped")
    painter, latent = source.painter("only"), source.vectors(64, 5)
    found = directions(painter, source.vectors(512, 1), np.zeros(512, int))

    before = painter.pixels(latent).astype(float)

    def change(direction):
        return float(((painter.pixels(latent + 0.5 * direction) - before) ** 2).mean())

    changes = [change(direction) for direction in found.vectors]
    coordinates = np.mean([change(row) for row in np.eye(32, dtype=np.float32)[::4]])
    assert changes[0] > changes[2] > changes[-1]
    assert changes[0] > 3 * coordinates
