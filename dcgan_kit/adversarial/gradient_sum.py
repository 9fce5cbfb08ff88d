"""Adds up the gradients of a batch that is divided into parts."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gradient_sum(total: list[Any] | None, new: list[Any], weights: list[Any], parts: int) -> list[Any]:
    """Add the gradients of one part of a batch to the sum of the parts before it.

    Args:
        total: the sum so far; None for the first part.
        new: the part's gradients; None for a weight that no loss depends on counts as zeros.
        weights: the weights that the gradients belong to, in the same order.
        parts: number of parts of the batch; each gradient is divided by it.
    """
    new = [tf.zeros_like(w) if g is None else tf.convert_to_tensor(g) for g, w in zip(new, weights, strict=True)]
    if parts == 1:
        return new
    new = [g / parts for g in new]
    return new if total is None else [t + g for t, g in zip(total, new, strict=True)]
