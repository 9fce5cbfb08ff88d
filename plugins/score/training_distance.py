"""Whether generated images are closer to the training images than held-out images are."""

from __future__ import annotations

import math

import numpy as np
from dcgan_kit_plugins.score.neighbours import nearest


def memorized(fake: np.ndarray, held_out: np.ndarray, training: np.ndarray) -> tuple[float, float]:
    """Return the ratio of median distances to the nearest training image, and Mann-Whitney's z of all distances.

    Raises:
        ValueError: half of the held-out images or more are training images too.
    """
    fake_distances, real_distances = (nearest(points, training)[0] for points in (fake, held_out))
    usual = float(np.median(real_distances))
    if usual == 0.0:
        raise ValueError("half of the held-out images or more are also training images: hold out other images")
    return float(np.median(fake_distances)) / usual, mann_whitney(fake_distances, real_distances)


def mann_whitney(x: np.ndarray, y: np.ndarray) -> float:
    """Return z of the Mann-Whitney test: below 0 if x (N,) tends to be smaller than y (M,).

    z = (U - N M / 2) / sqrt(N M (N + M + 1) / 12),  U = number of pairs with x > y; ties count half
    """
    n, m = len(x), len(y)
    ordered = np.sort(y)
    below, up_to = (np.searchsorted(ordered, x, side=side) for side in ("left", "right"))
    u = 0.5 * float(np.sum(below) + np.sum(up_to))
    return (u - n * m / 2.0) / math.sqrt(n * m * (n + m + 1.0) / 12.0)
