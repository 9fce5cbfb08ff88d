"""Which images a step sees: a function of (seed, step), so that nothing about the order needs to be saved."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def batch_indices(count: int, batch_size: int, seed: int, step: int) -> Indices:
    """Return the indices of the images of one step, shape (batch_size,).

    The images are an endless row of epochs, each a fresh permutation; steps cut it into batches, which may span two
    epochs, so that every image is seen equally often and no batch is short.
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
