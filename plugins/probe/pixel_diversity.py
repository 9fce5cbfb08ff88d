"""How different generated images are from each other, measured by their pixels against real ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcgan_kit import Finding, ProbeContext, Readings


def measure(subject: ProbeContext) -> Readings:
    """Spread of the pixels, and the distance to the nearest other image, over those of real images."""
    # As in training: an average of weights is near its beginning, and its images alike, for many steps.
    made, real = subject.after(subject.generator[-1]), subject.real
    if len(real) < 2:
        return {}
    deviation, distance = _spread(real), _nearest(real)
    of_made, apart = _spread(made), _nearest(made)
    return {
        "generator/spread": of_made / deviation if deviation else 0.0,
        "generator/nearest": apart / max(distance, 1e-12),
        # Under names of their own: what is in other units than a ratio does not belong beside one.
        "generator/deviation": of_made,
        "data/deviation": deviation,
        "generator/nearest_distance": apart,
        "data/nearest_distance": distance,
    }


def diagnose(readings: Readings, first: Readings, spread: float, nearest: float) -> Iterator[Finding]:
    """Tell a collapse; before the first step nothing has collapsed yet."""
    if not readings or readings == first:
        return
    for what, limit, told in (
        ("spread", spread, "their pixels vary {:.0f} % as much as the data's"),
        ("nearest", nearest, "the nearest other one is {:.0f} % as far as among the data"),
    ):
        value = readings[f"generator/{what}"]
        if value <= limit:
            yield Finding(
                disease="samples collapse",
                where="generator",
                told=f"samples collapse: {told.format(100 * value)}",
                value=value,
                baseline=1.0,
                advice="`regularizer: minibatch_stddev` in the discriminator, `penalty: r1`, or a lower learning rate",
                page="health.md#samples-collapse",
            )
            return


def _spread(images: Any) -> float:
    return float(images.std(0, dtype=np.float64).mean())


def _nearest(images: Any) -> float:
    """Median distance to the nearest other image, in units of the median distance of any two."""
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    squares = np.square(flat).sum(1)
    # Not by BLAS, whose threads would contend with TensorFlow's for so small a product.
    products = np.einsum("ik,jk->ij", flat, flat)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * products, 0.0))
    apart = distances[~np.eye(len(flat), dtype=bool)].reshape(len(flat), -1)
    typical = float(np.median(apart))
    return float(np.median(apart.min(1))) / typical if typical else 0.0
