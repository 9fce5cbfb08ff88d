"""Power spectra of sets of images, and differences between two of them."""

from __future__ import annotations

import numpy as np

from dcgan_kit import Features, Summary, checkerboard_fits, checkerboard_index, power_spectrum, radial_power

ROUNDING = 1.0 / 12.0
"""Variance of rounding to whole grey levels. It is added to every spectrum, so that flat images have no power of 0."""
PERIODS = (2, 4, 8, 16)
"""Periods of checkerboards in pixels: stages that double the size can leave these."""
HIGH_BAND = 0.75
"""Share of the highest radial frequency from which frequencies count as high."""


class Power:
    """Keeps {power: (H, W), count: ()}: ``dcgan_kit.power_spectrum`` of all images, in grey levels squared."""

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._count = 0

    def add(self, pixels: np.ndarray, description: Features) -> None:
        """Add a batch."""
        size = pixels.shape[1:3]
        if self._sum is None:
            self._sum = np.zeros(size)
        if self._sum.shape != size:
            raise ValueError(f"images are {size}, and were {self._sum.shape} before")
        self._sum += len(pixels) * power_spectrum(pixels)
        self._count += len(pixels)

    def summary(self) -> dict[str, np.ndarray]:
        """Return the summary of all batches."""
        if self._sum is None:
            raise ValueError("there is no image")
        return {"power": self._sum / self._count + ROUNDING, "count": np.array(float(self._count))}


def radial_difference(fake: Summary, real: Summary) -> np.ndarray:
    """Return how much more power fakes have per ring of frequencies, in dB, lowest frequencies first.

    The rings are those of ``dcgan_kit.radial_power``.

    Raises:
        ValueError: the images have different sizes, or are smaller than 8x8 pixels.
    """
    _require_same_size(fake, real)
    height, width = fake["power"].shape
    if min(height, width) < 8:
        raise ValueError(f"a spectrum needs images of at least 8x8 pixels. Received: {height}x{width}")
    return 10.0 * np.log10(radial_power(fake["power"]) / radial_power(real["power"]))


def high_band(differences: np.ndarray) -> np.ndarray:
    """Return the highest quarter of the rings."""
    return differences[int(np.ceil(HIGH_BAND * len(differences))) :]


def checkerboard_difference(fake: Summary, real: Summary) -> dict[int, float]:
    """Return for each period the checkerboard index of fakes minus that of real images.

    Raises:
        ValueError: the images have different sizes, or a size that fits no period.
    """
    _require_same_size(fake, real)
    height, width = fake["power"].shape
    periods = [period for period in PERIODS if checkerboard_fits(period, height, width)]
    if not periods:
        raise ValueError(f"checkerboards need images with even sides of at least 8 pixels. Received: {height}x{width}")
    return {p: checkerboard_index(fake["power"], p) - checkerboard_index(real["power"], p) for p in periods}


def _require_same_size(fake: Summary, real: Summary) -> None:
    if fake["power"].shape != real["power"].shape:
        raise ValueError(f"images are {fake['power'].shape} and {real['power'].shape}: sizes must be equal")
