"""The training image that is nearest to an image, pixel by pixel.

A generator that repeats training images shows here; one that repeats them shifted or brighter does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images

ROWS = 1024
"""Training images that are compared at once."""
MOST = 50_000
"""Training images that are compared at all, evenly chosen; more would take minutes."""


def nearest(pixels: Any, training: Images, report: Callable[[int, int], None], without: Any = None) -> tuple[Any, Any]:
    """Find the nearest training image of each image.

    Args:
        pixels: uint8 (N, H, W, C).
        training: among these.
        report: is given (done, total).
        without: integers (N,), which training image not to compare each with: itself.

    Returns:
        Which (N,), and how far (N,): the root of the mean squared difference of brightness, from 0 to 255.
    """
    flat = np.asarray(pixels, np.float64).reshape(len(pixels), -1)
    squares = (flat**2).sum(axis=1)
    which, least = np.zeros(len(flat), np.int64), np.full(len(flat), np.inf)
    chosen = candidates(len(training))
    for start in range(0, len(chosen), ROWS):
        part = chosen[start : start + ROWS]
        others = np.asarray(training.batch(part), np.float64).reshape(len(part), -1)
        distances = squares[:, None] + (others**2).sum(axis=1)[None, :] - 2.0 * flat @ others.T
        if without is not None:
            distances[part[None, :] == without[:, None]] = np.inf
        best = distances.argmin(axis=1)
        found = distances[np.arange(len(flat)), best]
        nearer = found < least
        which[nearer], least[nearer] = part[best[nearer]], found[nearer]
        report(min(start + ROWS, len(chosen)), len(chosen))
    return which, np.sqrt(np.maximum(least, 0.0) / flat.shape[1])


def candidates(count: int) -> Any:
    """Which of ``count`` training images are compared."""
    return np.arange(count) if count <= MOST else np.linspace(0, count - 1, MOST).round().astype(np.int64)
