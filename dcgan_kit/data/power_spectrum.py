"""Power of images by spatial frequency, and how far checkerboards stand out in it.

A radial mean shows blur and noise and hides checkerboards, which are a few points of the plane; hence both.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    _Plane = npt.NDArray[np.float64]

LEAST_SPACING = 4
"""Frequencies between two of a grid: fewer leave no neighbours that Hann's window does not smear the grid over."""


def power_spectrum(images: Any) -> _Plane:
    """Return the mean power of images at each spatial frequency.  (N, H, W, C) → float64 (H, W).

    |FFT(w · (x - mean of x))|² / Σ w², mean over images and channels; w is a separable, periodic Hann window, which
    keeps borders from leaking everywhere. In squared units of the pixels: white noise has its variance everywhere.
    Frequencies lie as ``numpy.fft.fft2`` has them, zero first.
    """
    import numpy as np

    images = np.asarray(images)
    _, height, width, _ = images.shape
    window = np.outer(_hann(height), _hann(width))
    total = np.zeros((height, width))
    # One image after the other: all their spectra at once take many times their memory.
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

    Rings are as wide as one frequency of the shorter side: the first holds one cycle along that side, the last half a
    cycle a pixel. Frequency 0 is in none, and what lies beyond half a cycle, in the corners, neither.
    """
    import numpy as np

    shorter = min(power.shape)
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in power.shape), indexing="ij"))
    ring = np.rint(radius * shorter).astype(int)
    return np.array([power[ring == number].mean() for number in range(1, shorter // 2 + 1)])


def checkerboard_fits(period: int, height: int, width: int) -> bool:
    """Whether images of that size can show a checkerboard of a period, in pixels.

    The period must divide both sides and leave at least 4 frequencies between two of its grid.
    """
    return all(side % period == 0 and side // period >= LEAST_SPACING for side in (height, width))


def checkerboard_index(power: _Plane, period: int) -> float:
    """Return how far the power at the frequencies of a period stands out, in powers of ten; 0 without any power.

    log10(mean power at (i H / P, j W / P) / mean of the medians of the power at distances 2 and 3 from each), over the
    frequencies that no divisor of the period has. Beside a frequency on an axis are those on that axis alone, where
    smooth images have more power than anywhere else.

    Args:
        power: (H, W), as ``power_spectrum`` returns it.
        period: in pixels, one that ``checkerboard_fits``.

    After Odena et al. 2016, distill.pub/2016/deconv-checkerboard, who show it by eye
    """
    import numpy as np

    height, width = power.shape
    frequencies = _grid(height, width, period)
    # Next to any frequency of the grid, zero among them, lies power of it that the window has smeared.
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
    """Frequencies of a period that no divisor of it has: a finer pattern is not reported twice."""
    grid = _whole_grid(height, width, period)
    for divisor in range(1, period):
        if period % divisor == 0:
            grid &= ~_whole_grid(height, width, divisor)
    return grid
