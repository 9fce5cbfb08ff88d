"""Checkerboards in the spectrum: power at the frequencies of a grid against that of their neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from dcgan_kit import Finding, Readings, Subject

LEAST_SPACING = 4
"""Frequencies between two of a grid: fewer leave no neighbours that Hann's window does not smear the grid over."""


def measure(subject: Subject, periods: Sequence[int], count: int) -> Readings:
    """Indices of images and of what D sends back, and those of generated ones less those of real ones."""
    made, samples, real = subject.after(subject.generator[-1]), subject.samples(count), subject.real_images(count)
    readings = {}
    for period in possible(periods, made.shape[1:3]):
        shown = {"generator": made, "samples": samples, "data": real, "image_gradient": subject.image_gradient()}
        indices = {whose: index(images, period) for whose, images in shown.items()}
        # Under a name of their own: an index does not belong beside a difference of two.
        readings.update({f"{whose}/checkerboard_index_{period}": value for whose, value in indices.items()})
        for whose in ("generator", "samples"):
            readings[f"{whose}/checkerboard_{period}"] = indices[whose] - indices["data"]
    return readings


def possible(periods: Sequence[int], size: Sequence[int]) -> list[int]:
    """The periods that divide both sides and leave room between the frequencies of their grid."""
    return [p for p in periods if all(side % p == 0 and side // p >= LEAST_SPACING for side in size)]


def index(images: Any, period: int) -> float:
    """Return log10(mean power on the grid of a period / the same of what lies beside it) for images (N, H, W, C).

    Beside a frequency is the median at distances 2 and 3 from it; of one on an axis, along that axis alone, where
    smooth images have more power than anywhere else.
    """
    values = np.moveaxis(np.asarray(images, np.float64), 3, 1).reshape(-1, *images.shape[1:3])
    values = values - values.mean((1, 2), keepdims=True)
    height, width = values.shape[1:]
    window = np.outer(_hann(height), _hann(width))
    power = sum(np.abs(np.fft.fft2(image * window)) ** 2 for image in values)
    frequencies = _grid(height, width, period)
    # Next to any frequency of the grid, zero among them, lies power of it that the window has smeared.
    own = np.zeros((height, width), bool)
    for down, across in product((-1, 0, 1), repeat=2):
        own |= np.roll(_whole_grid(height, width, period), (down, across), (0, 1))
    beside = [np.median(_neighbours(power, own, row, column)) for row, column in np.argwhere(frequencies)]
    between = float(np.mean(beside))
    return float(np.log10(power[frequencies].mean() / between)) if between > 0 else 0.0


def _neighbours(power: Any, own: Any, row: int, column: int) -> list[float]:
    places = [
        ((row + down) % power.shape[0], (column + across) % power.shape[1])
        for down, across in product(range(-3, 4), repeat=2)
        if max(abs(down), abs(across)) >= 2 and (row or not down) and (column or not across)
    ]
    return [power[place] for place in places if not own[place]]


def diagnose(readings: Readings, first: Readings, limit: float) -> Iterator[Finding]:
    """Name the periods at which the generator stands out of the data; every transposed convolution begins with one."""
    if readings == first:
        return
    for key, value in readings.items():
        where, _, what = key.partition("/checkerboard_")
        if where == "generator" and not what.startswith("index") and value >= limit:
            yield Finding(
                disease=f"checkerboard at period {what}",
                where=where,
                told=f"checkerboard at period {what} ({10**value:.0f} times as strong as the data's)",
                value=readings[f"generator/checkerboard_index_{what}"],
                baseline=readings[f"data/checkerboard_index_{what}"],
                advice="a kernel that the stride divides (`generator.upsample.kernel_size=4`), or "
                "`generator.upsample=resize_conv`",
                page="health.md#checkerboard",
            )


def _hann(length: int) -> Any:
    return np.hanning(length + 1)[:length]


def _whole_grid(height: int, width: int, period: int) -> Any:
    grid = np.zeros((height, width), bool)
    grid[:: height // period, :: width // period] = True
    return grid


def _grid(height: int, width: int, period: int) -> Any:
    """Frequencies of a period that no divisor of it has: a finer pattern is not told twice."""
    grid = _whole_grid(height, width, period)
    for divisor in range(1, period):
        if period % divisor == 0:
            grid &= ~_whole_grid(height, width, divisor)
    return grid
