"""Directions in latent space along which the pictures of a generator change most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.errors import UserError
from dcgan_kit.explorer.painter import Painter

MOST = 8
"""Most directions to return."""
DRAWS = 1024
"""Number of latent vectors. The sum below is then known well enough that its first directions stay the same."""
BATCH = 64
_SEED = (0, 7)


@dataclass(frozen=True)
class Directions:
    """Orthogonal directions, the one with the largest change first.

    Attributes:
        vectors: float32 (count, size), each of length 1.
        shares: the share of the whole squared change that lies along each one, floats (count,).
    """

    vectors: Any
    shares: Any


def directions(painter: Painter, latent: Any, labels: Any) -> Directions:
    """Find the directions in which the picture changes most, on average over latent vectors.

    A small step d changes the picture x = G(z) by J d, where J is the Jacobian of G at z. The mean of |J d|² over z is
    dᵀ E[JᵀJ] d, so the directions are the first eigenvectors of E[JᵀJ] (Wang and Ponce 2021, arXiv 2101.06006). For
    normal v, E[Jᵀv vᵀJ] is JᵀJ, so one backward pass for each z is enough.

    Args:
        painter: the generator.
        latent: latent vectors as training draws them, float32 (N, size).
        labels: their classes, integers (N,).

    Raises:
        UserError: a gradient is NaN or infinite.
    """
    gradients = _gradient_function(painter)
    rows = []
    for start in range(0, len(latent), BATCH):
        part = slice(start, start + BATCH)
        given = painter.inputs(latent[part], labels[part])
        noise = tf.random.stateless_normal((len(given[0]), *painter.recipe.image.shape), (_SEED[0], _SEED[1] + start))
        rows.append(gradients(noise, *given).numpy())
    changes = np.concatenate(rows).astype(np.float64)
    if not np.isfinite(changes).all():
        raise UserError("some gradients of this generator are NaN or infinite")
    _, values, vectors = np.linalg.svd(changes, full_matrices=False)
    # A direction and its opposite are the same; the largest coordinate is positive.
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    vectors = vectors * np.sign(largest)
    squares = values**2
    return Directions(vectors[:MOST].astype(np.float32), squares[:MOST] / max(squares.sum(), np.finfo(float).tiny))


def _gradient_function(painter: Painter) -> Any:
    def gradients(noise: Any, latent: Any, *classes: Any) -> Any:
        latent = tf.convert_to_tensor(latent)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latent)
            moved = tf.reduce_sum(tf.cast(painter.values(latent, *classes), tf.float32) * noise)
        return tape.gradient(moved, latent, unconnected_gradients="zero")

    return tf.function(gradients, autograph=False, reduce_retracing=True)
