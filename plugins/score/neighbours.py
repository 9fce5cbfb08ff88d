"""Distances to nearest neighbours, computed in chunks: memory never holds all N x M distances at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcgan_kit import report_progress

CHUNK_ENTRIES = 2**22
"""Number of distances in memory at once: 32 MiB, in a few arrays of that size."""
SAME = 1e-12
"""Squared distances below this share of the squared lengths are set to 0: they are rounding errors of equal points."""
TIE = 1e-9
"""A squared distance this close to the squared radius, relative to it, counts as equal to it despite rounding."""


@dataclass(frozen=True)
class Manifolds:
    """How two sets, (N, D) real and (M, D) fake, lie in the balls around each other's points.

    Precision and recall use closed balls, which contain their surface: Kynkäänniemi et al. 2019, arXiv 1904.06991,
    equation 1. Density and coverage use open balls, which do not: Naeem et al. 2020, arXiv 2002.09797, as in
    github.com/clovaai/generative-evaluation-prdc. This matters if points repeat or lie on a grid.

    Attributes:
        precision: share of the fakes in at least one ball of a real image.
        recall: share of the real images in at least one ball of a fake.
        density: mean number of open real balls that contain a fake, divided by k.
        coverage: share of the real images whose open ball contains at least one fake.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifolds(real: np.ndarray, fake: np.ndarray, k: int, entries: int = CHUNK_ENTRIES) -> Manifolds:
    """Compare two sets. The ball of a point reaches to the k-th nearest other point of its own set.

    Raises:
        ValueError: a set has only k points or fewer.
    """
    real, fake = _centred(real, fake)
    real_radii, fake_radii = (squared_radii(points, k, entries) for points in (real, fake))
    within, beyond = 1.0 - TIE, 1.0 + TIE
    balls_around = np.zeros(len(fake), np.int64)
    in_real_ball = np.zeros(len(fake), bool)
    in_fake_ball = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, distances in squared_distances(real, fake, entries):
        inside = distances < real_radii[rows, None] * within
        balls_around += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        in_real_ball |= (distances <= real_radii[rows, None] * beyond).any(axis=0)
        in_fake_ball[rows] = (distances <= fake_radii * beyond).any(axis=1)
    return Manifolds(
        precision=float(np.mean(in_real_ball)),
        recall=float(np.mean(in_fake_ball)),
        density=float(np.mean(balls_around) / k),
        coverage=float(np.mean(covered)),
    )


def squared_radii(points: np.ndarray, k: int, entries: int = CHUNK_ENTRIES) -> np.ndarray:
    """Return the squared distance (N,) of each row to the k-th nearest other row.

    Raises:
        ValueError: there are only k rows or fewer.
    """
    if len(points) <= k:
        raise ValueError(
            f"the nearest {k} neighbours of an image need at least {k + 1} images. Received: {len(points)}"
        )
    radii = np.empty(len(points))
    for rows, distances in squared_distances(points, points, entries):
        # The point itself does not count as a neighbour. Another point at the same place does.
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        radii[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii


def nearest(points: np.ndarray, among: np.ndarray, entries: int = CHUNK_ENTRIES) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance (N,) of each row of ``points`` to the nearest row of ``among``, and that row's number."""
    points, among = _centred(points, among)
    distance, index = np.empty(len(points)), np.empty(len(points), np.int64)
    for rows, distances in squared_distances(points, among, entries):
        index[rows] = distances.argmin(axis=1)
        distance[rows] = np.sqrt(distances.min(axis=1))
    return distance, index


def squared_distances(x: np.ndarray, y: np.ndarray, entries: int = CHUNK_ENTRIES) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield, chunk by chunk, a slice of the rows of (N, D) and their squared distances to all rows of (M, D)."""
    x_lengths, y_lengths = (np.einsum("nd,nd->n", points, points) for points in (x, y))
    step = max(1, entries // max(1, len(y)))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        lengths = x_lengths[rows, None] + y_lengths
        distances = lengths - 2.0 * (x[rows] @ y.T)
        distances[distances <= SAME * lengths] = 0.0
        yield rows, distances
        report_progress(rows.stop, len(x))


def _centred(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # This does not change distances. The products that they are computed from get smaller, and lose fewer digits.
    centre = y.mean(axis=0)
    return x - centre, y - centre
