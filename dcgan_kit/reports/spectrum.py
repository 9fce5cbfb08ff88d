"""Power of images by spatial frequency, in decibels and as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcgan_kit.data.power_spectrum import power_spectrum, radial_power

SMALLEST = 1e-12
"""Added to powers before the logarithm: a plain image has none at all."""


def power(pixels: Any) -> Any:
    """Power spectrum (H, W) of uint8 images (N, H, W, C), in units of full brightness squared."""
    return power_spectrum(pixels) / 255.0**2


def radial(spectrum: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Mean power in decibels by whole cycles along the shorter side, from 1 to half of its pixels."""
    powers = radial_power(spectrum)
    return tuple(range(1, len(powers) + 1)), tuple(float(decibels(p)) for p in powers)


def decibels(power: Any) -> Any:
    """Powers as 10 log10, also of none at all."""
    return 10.0 * np.log10(power + SMALLEST)


def plane(spectrum: Any, low: float, high: float) -> Any:
    """Decibels as uint8 brightness (H, W), frequency 0 in the middle; ``low`` is black, ``high`` white."""
    scaled = (decibels(np.fft.fftshift(spectrum)) - low) / max(high - low, SMALLEST) * 255.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def decibels_between(spectrum: Any) -> tuple[float, float]:
    """Least and greatest power in decibels, frequency 0 left out: it holds the mean, which is removed."""
    found = decibels(spectrum.ravel()[1:])
    return float(np.percentile(found, 1)), float(found.max())
