"""The gradients of a batch that is taken in parts."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gradient_sum(total: list[Any] | None, new: list[Any], weights: list[Any], parts: int) -> list[Any]:
    """Add a part's share of the batch's gradients to those of the parts before it.

    Args:
        total: the sum so far; None: this part is the first.
        new: the part's gradients; None in place of one: no loss reaches that weight, whose gradient is zeros.
        weights: whose gradients they are, in the same order.
        parts: how many parts the batch has.
    """
    new = [tf.zeros_like(w) if g is None else tf.convert_to_tensor(g) for g, w in zip(new, weights, strict=True)]
    if parts == 1:
        return new
    new = [g / parts for g in new]
    return new if total is None else [t + g for t, g in zip(total, new, strict=True)]
