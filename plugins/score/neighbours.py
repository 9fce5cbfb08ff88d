"""Distances to nearest neighbours, a chunk at a time: N x M distances are never in memory at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcgan_kit import report_progress

CHUNK_ENTRIES = 2**22
"""Distances that are in memory at once: 32 MiB, and a few arrays of that size."""
SAME = 1e-12
"""Squared distances below this share of the squared lengths are rounding: |x|² + |y|² - 2 x·y of equals is not 0."""
TIE = 1e-9
"""Share of a squared radius within which a neighbour lies on it, whichever way its distance was rounded."""


@dataclass(frozen=True)
class Manifolds:
    """How two sets, (N, D) real and (M, D) fake, lie in the balls around each other's points.

    Precision and recall are of closed balls, which hold what lies on their surface: Kynkäänniemi et al. 2019, arXiv
    1904.06991, equation 1. Density and coverage are of open ones, which do not: Naeem et al. 2020, arXiv 2002.09797, as
    in github.com/clovaai/generative-evaluation-prdc. They differ where points repeat or lie on a grid.

    Attributes:
        precision: share of the fakes in at least one ball of a real one.
        recall: share of the real ones in at least one ball of a fake.
        density: open real balls that a fake is in, of k, on the mean.
        coverage: share of the real ones whose open ball holds at least one fake.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifolds(real: np.ndarray, fake: np.ndarray, k: int, entries: int = CHUNK_ENTRIES) -> Manifolds:
    """Compare two sets by balls that reach to the k-th nearest neighbour in a point's own set, itself not counted.

    Raises:
        ValueError: a set has no k-th neighbour.
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
    """Return the squared distance (N,) of each row from the k-th nearest other one.

    Raises:
        ValueError: there are not k others.
    """
    if len(points) <= k:
        raise ValueError(
            f"the nearest {k} neighbours of an image need at least {k + 1} images. Received: {len(points)}"
        )
    radii = np.empty(len(points))
    for rows, distances in squared_distances(points, points, entries):
        # The point itself is no neighbour; another one at the same place is.
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        radii[rows] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return radii


def nearest(points: np.ndarray, among: np.ndarray, entries: int = CHUNK_ENTRIES) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance (N,) of each row of ``points`` from the nearest row of ``among``, and that row's number."""
    points, among = _centred(points, among)
    distance, index = np.empty(len(points)), np.empty(len(points), np.int64)
    for rows, distances in squared_distances(points, among, entries):
        index[rows] = distances.argmin(axis=1)
        distance[rows] = np.sqrt(distances.min(axis=1))
    return distance, index


def squared_distances(x: np.ndarray, y: np.ndarray, entries: int = CHUNK_ENTRIES) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the squared distances of some rows of (N, D) from all rows of (M, D), and which rows these are."""
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
    # Distances are those of before; the products that they are computed from are smaller, and lose fewer digits.
    centre = y.mean(axis=0)
    return x - centre, y - centre
