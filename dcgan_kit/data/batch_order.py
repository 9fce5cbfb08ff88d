"""The images of a step are a function of (seed, step), so checkpoints need not save the order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def batch_indices(count: int, batch_size: int, seed: int, step: int) -> Indices:
    """Return the indices of the images of one step, shape (batch_size,).

    The images form an endless sequence of epochs. Each epoch is a new permutation of all images. Each step takes the
    next ``batch_size`` images of the sequence. A batch may span two epochs, so all images are used equally often and
    all batches have the full size.
    """
    positions = np.arange(step * batch_size, (step + 1) * batch_size, dtype=np.int64)
    indices = np.empty_like(positions)
    for epoch in np.unique(positions // count):
        chosen = positions // count == epoch
        indices[chosen] = _permutation(count, seed, int(epoch))[positions[chosen] % count]
    return indices


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, epoch: int) -> Indices:
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)
