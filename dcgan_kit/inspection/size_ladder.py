"""The size for networks that fits images: from a ladder of sizes that convolutions halve evenly."""

from __future__ import annotations

from collections.abc import Mapping

LADDER = (28, 32, 64, 128)
"""Sides of the shipped recipes: 28 = 7 x 2², the others are 4 x 2ⁿ."""


def median_side(sizes: Mapping[tuple[int, int], int]) -> int:
    """Return the median of the shorter sides: at least half of the images are as large.

    Args:
        sizes: (height, width) → number of images, at least one.
    """
    sides = sorted((min(size), count) for size, count in sizes.items())
    left = (sum(sizes.values()) + 1) // 2
    for side, count in reversed(sides):
        left -= count
        if left <= 0:
            return side
    raise AssertionError("there is an image")


def fitting_side(sizes: Mapping[tuple[int, int], int]) -> int:
    """Return the largest side of the ladder that is not above the median side; the smallest if none is."""
    side = median_side(sizes)
    return max((step for step in LADDER if step <= side), default=LADDER[0])


def shown_share(sizes: Mapping[tuple[int, int], int], height: int, width: int) -> float:
    """Return the mean share of the pixels that is left when images are cut to the ratio of a size."""
    ratio = width / height
    kept = sum(count * min(w / h / ratio, ratio * h / w) for (h, w), count in sizes.items())
    return kept / sum(sizes.values())
