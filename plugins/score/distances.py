"""The Fréchet distance of two normal distributions, and the kernel distance of two sets."""

from __future__ import annotations

import math

import numpy as np
from dcgan_kit_plugins.score.feature_accumulators import require_one_length

from dcgan_kit import Summary, report_progress


def frechet_distance(one: Summary, other: Summary) -> float:
    """Return norm(m1 - m2)² + Tr(S1 + S2 - 2 (S1 S2)^½) of two summaries by ``Moments``.

    For roots with Rᵀ R = S, the trace of (S1 S2)^½ is the sum of the singular values of R1 R2ᵀ. So there is no need for
    a matrix square root, which rounding can make complex if a covariance does not have full rank.

    Raises:
        ValueError: the features have different lengths.
    """
    require_one_length([len(side["mean"]) for side in (one, other)])
    mean_term = np.sum(np.square(one["mean"] - other["mean"]))
    traces = np.sum(np.square(one["root"])) + np.sum(np.square(other["root"]))
    shared = np.linalg.svd(one["root"] @ other["root"].T, compute_uv=False).sum()
    return float(mean_term + traces - 2.0 * shared)


def kernel_distance(x: np.ndarray, y: np.ndarray, block: int) -> tuple[float, float | None]:
    """Return the mean over blocks of the unbiased squared MMD of (N, D) and (M, D), and its standard error.

    The kernel is (x·y / D + 1)³. Blocks are disjoint and have at most ``block`` rows of each side. Consecutive rows go
    to different blocks, so rows sorted by class do no harm. With a single block, the error is unknown: None.

    Raises:
        ValueError: a side has fewer than two rows for each block.
    """
    blocks = math.ceil(max(len(x), len(y)) / block)
    if min(len(x), len(y)) < 2 * blocks:
        raise ValueError(
            f"{len(x)} and {len(y)} images in {blocks} blocks of at most {block}: each needs 2 images of both sides"
        )
    distances = []
    for index in range(blocks):
        distances.append(_squared_mmd(x[index::blocks], y[index::blocks]))
        report_progress(index + 1, blocks)
    error = float(np.std(distances, ddof=1) / math.sqrt(blocks)) if blocks > 1 else None
    return float(np.mean(distances)), error


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    n, m = len(x), len(y)
    within_x, within_y, between = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (n * (n - 1.0))
        + (within_y.sum() - np.trace(within_y)) / (m * (m - 1.0))
        - 2.0 * between.mean()
    )


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1.0) ** 3
