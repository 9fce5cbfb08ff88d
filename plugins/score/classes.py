"""A summary of class probabilities, and the inception score of it, for any classifier."""

from __future__ import annotations

import numpy as np

from dcgan_kit import Features, Summary


class ClassShares:
    """Keeps {mean: (K,), information: (), count: ()}: the mean of p(y|x), and that of Σ_y p(y|x) ln p(y|x)."""

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._information = 0.0
        self._count = 0

    def add(self, pixels: np.ndarray, description: Features) -> None:
        """Add a batch.

        Raises:
            ValueError: the values are not probabilities, or the number of classes differs from the batch before.
        """
        p = np.asarray(description.probabilities, np.float64)
        if p.ndim != 2 or not np.isfinite(p).all() or (p < 0.0).any() or np.abs(p.sum(axis=1) - 1.0).max() > 1e-3:
            raise ValueError("probabilities must be finite, 0 or more, and rows must sum to 1")
        p = p / p.sum(axis=1, keepdims=True)
        if self._sum is not None and self._sum.shape != p.shape[1:]:
            raise ValueError(f"probabilities are of {p.shape[1]} classes, and were of {len(self._sum)} before")
        self._sum = p.sum(axis=0) + (0.0 if self._sum is None else self._sum)
        self._information += float(np.sum(p * np.log(np.where(p > 0.0, p, 1.0))))
        self._count += len(p)

    def summary(self) -> dict[str, np.ndarray]:
        """Return the summary of all batches."""
        if self._sum is None:
            raise ValueError("there is no image")
        return {
            "mean": self._sum / self._count,
            "information": np.array(self._information / self._count),
            "count": np.array(float(self._count)),
        }


def inception_score(side: Summary) -> float:
    """Return exp(mean KL(p(y|x) ‖ p(y))) of a summary by ``ClassShares``."""
    mean = side["mean"]
    entropy = float(-np.sum(mean * np.log(np.where(mean > 0.0, mean, 1.0))))
    return float(np.exp(float(side["information"]) + entropy))
