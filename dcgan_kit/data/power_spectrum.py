"""The power spectrum of images, and how strongly checkerboards show in it.

The radial mean shows blur and noise. It hides checkerboards, which are only a few points of the spectrum, so there is a
separate index for them.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    _Plane = npt.NDArray[np.float64]

LEAST_SPACING = 4
"""Least spacing of a grid's frequencies. With less, the Hann window spreads the grid's power over all neighbours."""


def power_spectrum(images: Any) -> _Plane:
    """Return the mean power of images at each spatial frequency.  (N, H, W, C) → float64 (H, W).

    ``|FFT(w · (x - mean of x))|² / Σ w²``, mean over images and channels

    w is a separable, periodic Hann window. It keeps the borders from leaking into all frequencies. The unit is the
    squared unit of the pixels: white noise has its variance at every frequency. The frequencies are in the order of
    ``numpy.fft.fft2``, zero first.
    """
    import numpy as np

    images = np.asarray(images)
    _, height, width, _ = images.shape
    window = np.outer(_hann(height), _hann(width))
    total = np.zeros((height, width))
    # Process one image at a time: the spectra of all images together take many times the memory of the images.
    for image in images:
        channels = image.astype(np.float64).transpose(2, 0, 1)
        channels = (channels - channels.mean(axis=(1, 2), keepdims=True)) * window
        total += np.square(np.abs(np.fft.fft2(channels))).mean(axis=0)
    mean: _Plane = total / (len(images) * np.square(window).sum())
    return mean


def _hann(side: int) -> _Plane:
    import numpy as np

    # Periodic: one period of the cosine over the whole side, so that frequencies of the image stay on the grid.
    if side == 1:
        return np.ones(1)
    window: _Plane = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(side) / side)
    return window


def radial_power(power: _Plane) -> _Plane:
    """Return the mean power of each ring of frequencies.  (H, W) → (min(H, W) // 2,), lowest frequencies first.

    The width of a ring is one frequency of the shorter side. The first ring is at one cycle per shorter side, the last
    at half a cycle per pixel. Frequency 0 and the corners beyond half a cycle per pixel are in no ring.
    """
    import numpy as np

    shorter = min(power.shape)
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in power.shape), indexing="ij"))
    ring = np.rint(radius * shorter).astype(int)
    return np.array([power[ring == number].mean() for number in range(1, shorter // 2 + 1)])


def checkerboard_fits(period: int, height: int, width: int) -> bool:
    """Return whether ``checkerboard_index`` works for a period, in pixels, and images of this size.

    The period must divide both sides, and the frequencies of its grid must be at least 4 apart.
    """
    return all(side % period == 0 and side // period >= LEAST_SPACING for side in (height, width))


def checkerboard_index(power: _Plane, period: int) -> float:
    """Return how much power the frequencies of a period have above their neighbours, as log10; 0 without any power.

    log10(mean power at (i H / P, j W / P) / mean of the medians of the power at distances 2 and 3 from each)

    The means are over the frequencies of the period that none of its divisors has. A frequency on an axis is compared
    only with neighbours on that axis, because smooth images have more power there than elsewhere.

    Args:
        power: (H, W), the result of ``power_spectrum``.
        period: in pixels; ``checkerboard_fits`` must be true for it.

    After Odena et al. 2016, distill.pub/2016/deconv-checkerboard, who show it by eye
    """
    import numpy as np

    height, width = power.shape
    frequencies = _grid(height, width, period)
    # The window spreads power from each frequency of the grid, including zero, to the frequencies next to it.
    own = np.zeros((height, width), bool)
    for down, across in product((-1, 0, 1), repeat=2):
        own |= np.roll(_whole_grid(height, width, period), (down, across), (0, 1))
    beside = [np.median(_neighbours(power, own, row, column)) for row, column in np.argwhere(frequencies)]
    between = float(np.mean(beside))
    return float(np.log10(power[frequencies].mean() / between)) if between > 0 else 0.0


def _neighbours(power: _Plane, own: npt.NDArray[np.bool_], row: int, column: int) -> list[float]:
    places = [
        ((row + down) % power.shape[0], (column + across) % power.shape[1])
        for down, across in product(range(-3, 4), repeat=2)
        if max(abs(down), abs(across)) >= 2 and (row or not down) and (column or not across)
    ]
    return [float(power[place]) for place in places if not own[place]]


def _whole_grid(height: int, width: int, period: int) -> npt.NDArray[np.bool_]:
    import numpy as np

    grid = np.zeros((height, width), bool)
    grid[:: height // period, :: width // period] = True
    return grid


def _grid(height: int, width: int, period: int) -> npt.NDArray[np.bool_]:
    """Return the frequencies of a period that none of its divisors has, so that no pattern is reported twice."""
    grid = _whole_grid(height, width, period)
    for divisor in range(1, period):
        if period % divisor == 0:
            grid &= ~_whole_grid(height, width, divisor)
    return grid
