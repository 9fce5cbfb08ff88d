"""Search for the nearest training image of an image, pixel by pixel.

This detects a generator that copies training images. It does not detect copies that are shifted or brighter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images

ROWS = 1024
"""Number of training images compared at once."""
MOST = 50_000
"""Most training images to compare, evenly chosen; more would take minutes."""


def nearest(pixels: Any, training: Images, report: Callable[[int, int], None], without: Any = None) -> tuple[Any, Any]:
    """Find the nearest training image of each image.

    Args:
        pixels: uint8 (N, H, W, C).
        training: the images to search.
        report: receives the progress (done, total).
        without: integers (N,): a training image that each image is not compared with, namely itself.

    Returns:
        The indices (N,) of the nearest images and the distances (N,). A distance is the root mean squared difference
        of brightness, from 0 to 255.
    """
    flat = np.asarray(pixels, np.float64).reshape(len(pixels), -1)
    squares = (flat**2).sum(axis=1)
    indices, least = np.zeros(len(flat), np.int64), np.full(len(flat), np.inf)
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
        indices[nearer], least[nearer] = part[best[nearer]], found[nearer]
        report(min(start + ROWS, len(chosen)), len(chosen))
    return indices, np.sqrt(np.maximum(least, 0.0) / flat.shape[1])


def several_nearest(
    pixels: Any, training: Images, count: int, report: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Any, Any]:
    """Find the nearest training images of one image, the nearest first.

    Args:
        pixels: uint8 (H, W, C).
        training: the images to search.
        count: how many to find, at most.
        report: see ``nearest``.

    Returns:
        Indices and distances; see ``nearest``.
    """
    flat = np.asarray(pixels, np.float64).reshape(-1)
    chosen = candidates(len(training))
    found = np.empty(len(chosen))
    for start in range(0, len(chosen), ROWS):
        part = chosen[start : start + ROWS]
        others = np.asarray(training.batch(part), np.float64).reshape(len(part), -1)
        found[start : start + ROWS] = np.sqrt(((others - flat) ** 2).mean(axis=1))
        report(min(start + ROWS, len(chosen)), len(chosen))
    order = np.argsort(found, kind="stable")[:count]
    return chosen[order], found[order]


def candidates(count: int) -> Any:
    """Return the indices of the training images to compare, out of ``count``."""
    return np.arange(count) if count <= MOST else np.linspace(0, count - 1, MOST).round().astype(np.int64)
