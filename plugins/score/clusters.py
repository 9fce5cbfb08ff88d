"""K-means, and comparisons of how two sets fill its clusters."""

from __future__ import annotations

import math

import numpy as np
from dcgan_kit_plugins.score.neighbours import nearest

ITERATIONS = 50
SIGNIFICANT = 1.959963984540054
"""|z| above which a two-sided test rejects at the 5 % level."""


def centres(points: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return up to ``count`` centres (K, D) of rows (N, D) by k-means: Lloyd's iterations from a k-means++ start.

    There are fewer centres if fewer rows differ. The same rows and seed give the same centres.

    Arthur, Vassilvitskii 2007, theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf
    """
    random = np.random.Generator(np.random.Philox(seed))
    chosen = [points[random.integers(len(points))]]
    distance = nearest(points, chosen[0][None])[0]
    while len(chosen) < count and distance.any():
        shares = np.square(distance)
        chosen.append(points[random.choice(len(points), p=shares / shares.sum())])
        distance = np.minimum(distance, nearest(points, chosen[-1][None])[0])
    found = np.stack(chosen)
    assigned = nearest(points, found)[1]
    for _ in range(ITERATIONS):
        members = (assigned == np.arange(len(found))[:, None]).astype(np.float64)
        sizes = members.sum(axis=1)[:, None]
        # A centre without rows stays where it is.
        found = np.where(sizes > 0.0, members @ points / np.maximum(sizes, 1.0), found)
        before, assigned = assigned, nearest(points, found)[1]
        if np.array_equal(before, assigned):
            break
    return found


def shares(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the share (K,) of the rows (N, D) whose nearest centre is each of (K, D)."""
    return np.bincount(nearest(points, found)[1], minlength=len(found)) / len(points)


def different_bins(p: np.ndarray, n: int, q: np.ndarray, m: int) -> float:
    """Return the share of bins that two samples of n and m rows fill differently: two-proportion z-test at 5 %."""
    pooled = (p * n + q * m) / (n + m)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    # If a bin is empty in both samples, or holds all rows of both, its error and its difference are 0.
    return float(np.mean(np.abs(p - q) > SIGNIFICANT * error))


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two distributions (K,) in bits: 0 if equal, 1 if they do not overlap."""

    def divergence(law: np.ndarray, mean: np.ndarray) -> float:
        positive = law > 0.0
        return float(np.sum(law[positive] * np.log(law[positive] / mean[positive])))

    middle = (p + q) / 2.0
    return (divergence(p, middle) + divergence(q, middle)) / (2.0 * math.log(2.0))
