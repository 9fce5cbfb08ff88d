"""Classes for generated images, as frequent as in real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

_STREAM = 2**63 - 2
"""Second half of the random key. The held-out split uses one more there, and the order of training its epoch number."""


def drawn_classes(labels: Any, count: int, seed: int) -> Any:
    """Return the classes of generated images, in random order: integers (N,) → integers (count,).

    A class with a share p of the labels comes p x count times, rounded down or up. Which way is random, in such a way
    that a class is neither preferred nor left out on average, even if there are more classes than images.

    Args:
        labels: the classes of real images, at least one.
        count: number of generated images, at least 1.
        seed: the same seed gives the same classes.

    Systematic sampling: Madow, Madow 1944, doi 10.1214/aoms/1177731312
    """
    random = np.random.Generator(np.random.Philox(key=[seed, _STREAM]))
    known, counts = np.unique(labels, return_counts=True)
    order = random.permutation(len(known))
    # Evenly spaced places along all labels, class by class.
    places = (np.arange(count) + random.random()) * (len(labels) / count)
    chosen = np.searchsorted(np.cumsum(counts[order]), places, side="right")
    # Rounding could put the last place beyond the last label.
    return random.permutation(known[order][np.minimum(chosen, len(known) - 1)])
