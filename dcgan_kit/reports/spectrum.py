"""Power spectra of images, in decibels and as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcgan_kit.data.power_spectrum import power_spectrum, radial_power

SMALLEST = 1e-12
"""Added to powers before the logarithm, because the power of a uniform image is 0."""


def power(pixels: Any) -> Any:
    """Return the power spectrum (H, W) of uint8 images (N, H, W, C), in units of full brightness squared."""
    return power_spectrum(pixels) / 255.0**2


def radial(spectrum: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the mean power in decibels for each number of cycles along the shorter side, from 1 to half its pixels."""
    powers = radial_power(spectrum)
    return tuple(range(1, len(powers) + 1)), tuple(float(decibels(p)) for p in powers)


def decibels(power: Any) -> Any:
    """Return powers in decibels: 10 log10(power). A power of 0 is allowed."""
    return 10.0 * np.log10(power + SMALLEST)


def plane(spectrum: Any, low: float, high: float) -> Any:
    """Return a spectrum as uint8 brightness (H, W), frequency 0 in the middle: ``low`` dB is black, ``high`` white."""
    scaled = (decibels(np.fft.fftshift(spectrum)) - low) / max(high - low, SMALLEST) * 255.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def decibels_between(spectrum: Any) -> tuple[float, float]:
    """Return the 1st percentile and the maximum of the power in decibels, without frequency 0.

    Frequency 0 is the mean, which is removed.
    """
    found = decibels(spectrum.ravel()[1:])
    return float(np.percentile(found, 1)), float(found.max())
