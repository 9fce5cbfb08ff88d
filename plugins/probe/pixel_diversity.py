"""How different the pixels of generated images are from each other, compared with real images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dcgan_kit import Finding, ProbeContext, Readings

SAME = 1e-6
"""Distance, and deviation of a pixel, up to which images are the same: what rounding leaves of 0."""


def measure(context: ProbeContext) -> Readings:
    """Return the spread of pixels and the distance to the nearest other image, divided by those of real images."""
    # Training weights: averaged weights stay near their initial values, with similar images, for many steps.
    made, real = context.after(context.generator[-1]), context.real
    if len(real) < 2:
        return {}
    deviation, distance = _spread(real), _nearest(real)
    of_made, made_distance = _spread(made), _nearest(made)
    low, high = context.value_range
    return {
        "generator/spread": of_made / deviation if deviation else 0.0,
        "generator/nearest": made_distance / max(distance, 1e-12),
        # These have names of their own, because their units differ from those of the ratios.
        "generator/deviation": of_made,
        "data/deviation": deviation,
        "generator/nearest_distance": made_distance,
        "data/nearest_distance": distance,
        "generator/range": float(np.ptp(made)) / (high - low),
        "data/range": float(np.ptp(real)) / (high - low),
    }


def diagnose(readings: Readings, first: Readings, spread: float, nearest: float, range_to: float) -> Iterator[Finding]:
    """Report faults of the real images, and a collapse, but not at step 0, where nothing has been learned yet."""
    if not readings:
        return
    if readings["data/range"] <= range_to:
        yield Finding(
            disease="narrow data",
            where="data",
            observation=f"real images use {100 * readings['data/range']:.1f} % of the range of pixels",
            value=readings["data/range"],
            baseline=1.0,
            advice="uint8 pixels from 0 to 255: look for a division by 255, or a cast, before the images are returned",
            page="health.md#faults-of-the-data",
        )
    if min(readings["data/deviation"], readings["data/nearest_distance"]) <= SAME:
        yield Finding(
            disease="repeated data",
            where="data",
            observation="most real images of the batch have a copy in it",
            value=readings["data/nearest_distance"],
            baseline=1.0,
            advice="a look at the reader of the data, and at the number of different images",
            page="health.md#faults-of-the-data",
        )
        # There is nothing to compare the samples with.
        return
    if readings is first:
        return
    for reading, limit, text in (
        ("spread", spread, "their pixels vary {:.0f} % as much as the data's"),
        ("nearest", nearest, "the nearest other one is {:.0f} % as far as among the data"),
    ):
        value = readings[f"generator/{reading}"]
        if value <= limit:
            yield Finding(
                disease="samples collapse",
                where="generator",
                observation=f"samples collapse: {text.format(100 * value)}",
                value=value,
                baseline=1.0,
                advice="`regularizer: minibatch_stddev` in the discriminator, `penalty: r1`, or a lower learning rate",
                page="health.md#samples-collapse",
            )
            return


def _spread(images: Any) -> float:
    return float(images.std(0, dtype=np.float64).mean())


def _nearest(images: Any) -> float:
    """Return the median distance to the nearest other image / the median distance of two images."""
    flat = np.asarray(images, np.float64).reshape(len(images), -1)
    squares = np.square(flat).sum(1)
    # einsum instead of BLAS: its threads would compete with TensorFlow's, for a small product.
    products = np.einsum("ik,jk->ij", flat, flat)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * products, 0.0))
    between = distances[~np.eye(len(flat), dtype=bool)].reshape(len(flat), -1)
    typical = float(np.median(between))
    return float(np.median(between.min(1))) / typical if typical else 0.0
