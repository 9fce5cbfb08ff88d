"""The metrics of steps: sums and counts over the updates, and the means from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.fixed_order import sum_in_order

METRICS = (
    "generator_loss",
    "discriminator_loss",
    "discriminator_real",
    "discriminator_fake",
    "penalty",
    "generator_class_loss",
    "discriminator_class_loss",
    "generator_gradient",
    "discriminator_gradient",
    "generator_rate",
    "discriminator_rate",
    "augmentation",
)
"""Both losses, without the penalty; D's mean probability that real and generated images are real; the penalty; the
losses of the auxiliary classifier; the norms of both gradients before clipping; both learning rates; the augmentation
probability."""


class Tally:
    """Adds up the metrics of a step's updates, while the step is traced."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[Any, Any]]] = {}

    def add(self, name: str, value: Any, count: Any = 1.0) -> None:
        """Add a scalar; value 0 with ``count`` 0 means that there is no value."""
        self._found.setdefault(name, []).append((value, count))

    def add_means(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """Add the mean of each scalar over the parts of a batch, which all have the same names."""
        for name in parts[0]:
            self.add(name, sum_in_order([facts[name] for facts in parts]) / len(parts))

    def totals(self) -> Any:
        """Return sums and counts in the order of ``METRICS``, float32 (2, metrics)."""
        found = [self._found.get(name, [(0.0, 0.0)]) for name in METRICS]
        rows = [[sum_in_order([tf.cast(pair[row], tf.float32) for pair in pairs]) for pairs in found] for row in (0, 1)]
        return tf.stack([tf.stack(row) for row in rows])


def nothing() -> Any:
    """Return zero sums and counts of ``METRICS``, float64 (2, metrics)."""
    return np.zeros((2, len(METRICS)))


def added(totals: Any, steps: Any) -> Any:
    """Sums and counts (2, metrics) plus those of K steps (K, 2, metrics) → float64 (2, metrics).

    The steps are added one by one. Group sizes depend on the clock, and this way they change no bit of the result.
    """
    for step in np.asarray(steps, np.float64):
        totals = totals + step
    return totals


def means(totals: Any) -> dict[str, float]:
    """Sums and counts (2, metrics) → the mean of every metric with a count above 0, by name."""
    sums, counts = np.asarray(totals, np.float64)
    return {name: float(s / n) for name, s, n in zip(METRICS, sums, counts, strict=True) if n > 0}
