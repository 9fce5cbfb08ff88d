"""Power spectra of images: mean power by frequency, its radial profile, and checkerboards in it."""

from __future__ import annotations

import numpy as np

from dcgan_kit import Description, Summary

ROUNDING = 1.0 / 12.0
"""Variance that rounding to whole grey levels adds: no spectrum is known below it, and a flat image's is not 0."""
PERIODS = (2, 4, 8, 16)
"""Pixels from one tooth of a checkerboard to the next: what stacks of stages that double the size can leave."""
HIGH_BAND = 0.75
"""Share of the highest radial frequency above which frequencies count as high."""


class Power:
    """Keeps {power: (H, W), count: ()}: the mean of abs(FFT)² of windowed images, their mean taken out before.

    A separable Hann window keeps edges from leaking everywhere. The mean is over images and channels, in grey levels.
    """

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._window: np.ndarray = np.zeros((0, 0))
        self._count = 0

    def add(self, pixels: np.ndarray, description: Description) -> None:
        """Take a batch."""
        images = np.asarray(pixels, np.float64).transpose(0, 3, 1, 2)
        if self._sum is None:
            self._sum = np.zeros(images.shape[2:])
            self._window = _window(*images.shape[2:])
        if self._sum.shape != images.shape[2:]:
            raise ValueError(f"images are {images.shape[2:]}, and were {self._sum.shape} before")
        images = (images - images.mean(axis=(2, 3), keepdims=True)) * self._window
        power = np.square(np.abs(np.fft.fft2(images)))
        self._sum += power.mean(axis=1).sum(axis=0)
        self._count += len(images)

    def summary(self) -> dict[str, np.ndarray]:
        """Return what is kept."""
        if self._sum is None:
            raise ValueError("there is no image")
        floor = ROUNDING * np.square(self._window).sum()
        return {"power": self._sum / self._count + floor, "count": np.array(float(self._count))}


def _window(height: int, width: int) -> np.ndarray:
    # Periodic: one period of the cosine over the whole side, so that frequencies of the image stay on the grid.
    def hann(side: int) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(side) / side) if side > 1 else np.ones(1)

    return hann(height)[:, None] * hann(width)


def radial_difference(fake: Summary, real: Summary) -> np.ndarray:
    """Return how much more power a ring of frequencies has, in dB: one number a ring, lowest frequencies first.

    Rings are as wide as one frequency of the shorter side, and reach to half a cycle a pixel.

    Raises:
        ValueError: images of different sizes.
    """
    _require_same_size(fake, real)
    shape = fake["power"].shape
    rings = min(shape) // 2
    if rings < 4:
        raise ValueError(f"a spectrum needs images of at least 8x8 pixels. Received: {shape[0]}x{shape[1]}")
    radius = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in shape), indexing="ij"))
    ring = np.rint(radius * 2.0 * rings).astype(int)
    # 0 is the mean, which was taken out, and what lies beyond half a cycle is only met in the corners.
    within = (ring >= 1) & (ring <= rings)
    sums = [np.bincount(ring[within], side["power"][within], rings + 1)[1:] for side in (fake, real)]
    return 10.0 * np.log10(sums[0] / sums[1])


def high_band(differences: np.ndarray) -> np.ndarray:
    """Return the rings of the highest quarter."""
    return differences[int(np.ceil(HIGH_BAND * len(differences))) :]


def checkerboard(side: Summary, period: int) -> float | None:
    """Return how far the power at the frequencies of a period stands out, in powers of ten; None: it cannot be seen.

    log10(mean power at (i H / P, j W / P), not both 0, / median power at Chebyshev distance 2 to 3 from those), which
    is about 0 where nothing has that period. It cannot be seen where H or W is no multiple of P, or below 4 P.

    After Odena et al. 2016, distill.pub/2016/deconv-checkerboard, who show it by eye
    """
    power = side["power"]
    height, width = power.shape
    if height % period or width % period or min(height, width) < 4 * period:
        return None
    apart = np.maximum(*np.meshgrid(_to_grid(height, period), _to_grid(width, period), indexing="ij"))
    on_grid = apart == 0
    on_grid[0, 0] = False
    return float(np.log10(power[on_grid].mean() / np.median(power[(apart >= 2) & (apart <= 3)])))


def _to_grid(side: int, period: int) -> np.ndarray:
    """Distance (side,) of each frequency from the nearest multiple of side / period."""
    step = side // period
    remainder = np.arange(side) % step
    return np.minimum(remainder, step - remainder)


def checkerboard_difference(fake: Summary, real: Summary) -> dict[int, float]:
    """Return by period how much further its power stands out in fakes than in real images.

    Raises:
        ValueError: images of different sizes, or of a size that shows no period.
    """
    _require_same_size(fake, real)
    found = {period: (checkerboard(fake, period), checkerboard(real, period)) for period in PERIODS}
    differences = {p: f - r for p, (f, r) in found.items() if f is not None and r is not None}
    if not differences:
        height, width = fake["power"].shape
        raise ValueError(
            f"a checkerboard is seen in images of even sides of 8 pixels or more. Received: {height}x{width}"
        )
    return differences


def _require_same_size(fake: Summary, real: Summary) -> None:
    if fake["power"].shape != real["power"].shape:
        raise ValueError(f"images are {fake['power'].shape} and {real['power'].shape}: sizes must be equal")
