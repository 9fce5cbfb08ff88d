"""Ways through the space of latent vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

_PARALLEL = 1e-6


def truncated(latent: Any, truncation: float) -> Any:
    """Move latent vectors (N, size) towards 0: a truncation of 1 changes nothing, one of 0 makes all vectors 0.

    0 is the mean of the built-in distributions. Samples near the mean may look better, and are more alike: the
    truncation trick of Karras et al. 2019, arXiv 1812.04948, which they use in another space of the generator.
    """
    return (np.asarray(latent) * np.float32(truncation)).astype(np.float32)


def walk(latent: Any, steps: int) -> Any:
    """Return a closed walk through latent vectors (N, size), float32 (N * steps, size).

    It goes from each vector to the next, and from the last back to the first, ``steps`` vectors each: the first is the
    vector itself, and the last lies one step before the next vector.
    """
    latent = np.asarray(latent, np.float64)
    ways = np.arange(steps) / steps
    parts = [slerp(start, end, ways) for start, end in zip(latent, np.roll(latent, -1, axis=0), strict=True)]
    return np.concatenate(parts).astype(np.float32)


def slerp(start: Any, end: Any, ways: Any) -> Any:
    """Interpolate between two vectors (size,) on a great circle, with lengths that change evenly: (len(ways), size).

    On a straight line, vectors of a normal distribution would become shorter than any that training draws (White 2016,
    arXiv 1609.04468). Where a vector is 0, or both point the same or the opposite way, the line is straight.

    Args:
        start: the vector at 0.
        end: the vector at 1.
        ways: where between them, floats in [0, 1].
    """
    ways = np.asarray(ways)[:, None]
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) == 0:
        return (1 - ways) * start + ways * end
    one, other = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip(one @ other, -1, 1))
    if np.sin(angle) < _PARALLEL:
        return (1 - ways) * start + ways * end
    turned = (np.sin((1 - ways) * angle) * one + np.sin(ways * angle) * other) / np.sin(angle)
    return turned * ((1 - ways) * lengths[0] + ways * lengths[1])
