"""Summaries of the features of a set of images: all features, or their mean and covariance."""

from __future__ import annotations

import numpy as np

from dcgan_kit import Features, Summary

LEAST_BUFFERED = 1024
"""Rows to collect before they are merged: many small factorizations cost more than a few large ones."""


class AllFeatures:
    """Keeps all features: {features: (N, D)}, in the precision of the extractor."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []

    def add(self, pixels: np.ndarray, description: Features) -> None:
        """Add a batch."""
        self._parts.append(checked_features(description.features, self._parts[0] if self._parts else None))

    def summary(self) -> dict[str, np.ndarray]:
        """Return the features of all batches, in order."""
        if not self._parts:
            raise ValueError("there is no image")
        # The joined array replaces the parts, so that memory does not hold the features twice for long.
        self._parts = [np.concatenate(self._parts)]
        return {"features": self._parts[0]}


class Moments:
    """Keeps mean and covariance: {mean: (D,), root: (min(N - 1, D) or more, D), count: ()}, rootᵀ root = covariance.

    The root is the R of a QR factorization of the centred features. The covariance itself would square their condition
    number. With fewer images than features, it would also lose its exact zeros. Batches are merged like the sums of
    squares of Chan, Golub, LeVeque 1983 (doi 10.1080/00031305.1983.10483115): each is centred by its own mean, and one
    more row holds the distance between the means.
    """

    def __init__(self) -> None:
        self._waiting: list[np.ndarray] = []
        self._rows = 0
        self._count = 0
        self._mean: np.ndarray = np.zeros(0)
        self._root: np.ndarray = np.zeros((0, 0))

    def add(self, pixels: np.ndarray, description: Features) -> None:
        """Add a batch."""
        before = self._waiting[0] if self._waiting else (self._mean[None] if self._count else None)
        features = checked_features(description.features, before)
        self._waiting.append(features)
        self._rows += len(features)
        if self._rows >= max(LEAST_BUFFERED, 2 * features.shape[1]):
            self._fold()

    def summary(self) -> dict[str, np.ndarray]:
        """Return the summary of all batches.

        Raises:
            ValueError: there are fewer than two images, so there is no covariance.
        """
        if self._waiting:
            self._fold()
        if self._count < 2:
            raise ValueError(f"a covariance needs at least 2 images. Received: {self._count}")
        return {
            "mean": self._mean,
            "root": self._root / np.sqrt(self._count - 1.0),
            "count": np.array(float(self._count)),
        }

    def _fold(self) -> None:
        features = np.concatenate(self._waiting).astype(np.float64)
        self._waiting, self._rows = [], 0
        count, mean = len(features), features.mean(axis=0)
        # A second pass removes the rounding error of the first, so that equal images have a variance of exactly 0.
        mean += (features - mean).mean(axis=0)
        rows = features - mean
        if self._count:
            total = self._count + count
            between = np.sqrt(self._count * count / total) * (mean - self._mean)
            rows = np.concatenate([self._root, rows, between[None]])
            mean = self._mean + (mean - self._mean) * (count / total)
        self._mean, self._root, self._count = mean, np.linalg.qr(rows, mode="r"), self._count + count


def checked_features(features: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Return features (N, D) unchanged.

    Raises:
        ValueError: they are not finite, not a matrix, or not as long as the features before.
    """
    features = np.asarray(features)
    if features.ndim != 2 or features.dtype not in (np.float32, np.float64):
        raise ValueError(f"features must be float (N, D). Received: {features.dtype}, {features.shape}")
    if before is not None and before.shape[1] != features.shape[1]:
        raise ValueError(f"features have {features.shape[1]} numbers, and had {before.shape[1]} before")
    if not np.isfinite(features).all():
        raise ValueError("features are NaN or infinite")
    return features


def in_float64(*sides: Summary) -> list[np.ndarray]:
    """Return the features of summaries by ``AllFeatures``, in float64.

    Raises:
        ValueError: they have different lengths.
    """
    features = [np.asarray(side["features"], np.float64) for side in sides]
    require_one_length([part.shape[1] for part in features])
    return features


def require_one_length(lengths: list[int]) -> None:
    """Raise ValueError unless the features of all sides have the same length."""
    if len(set(lengths)) > 1:
        raise ValueError(f"features of the sides have different lengths: {', '.join(map(str, lengths))}")
