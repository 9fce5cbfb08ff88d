"""Power of images by spatial frequency.

A radial mean shows blur and noise and hides checkerboards, which are a few points of the plane; hence both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SMALLEST = 1e-12
"""Added to powers before the logarithm: a plain image has none at all."""


def power(pixels: Any) -> Any:
    """Mean power spectrum (H, W) of uint8 images (N, H, W, C), in units of full brightness squared.

    Channels are averaged, each image's mean is removed, and a separable Hann window keeps its borders out.
    """
    values = np.asarray(pixels, np.float64).mean(axis=-1) / 255.0
    values -= values.mean(axis=(1, 2), keepdims=True)
    _, height, width = values.shape
    window = np.outer(_hann(height), _hann(width))
    return (np.abs(np.fft.fft2(values * window)) ** 2).mean(axis=0) / (window**2).sum()


def radial(spectrum: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Mean power in decibels by whole cycles along the shorter side, from 1 to half of its pixels."""
    height, width = spectrum.shape
    shorter = min(height, width)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    cycles = np.rint(np.hypot(down, across) * shorter).astype(int)
    numbers = range(1, shorter // 2 + 1)
    powers = [float(spectrum[cycles == number].mean()) for number in numbers]
    return tuple(numbers), tuple(float(decibels(p)) for p in powers)


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


def _hann(count: int) -> Any:
    # Periodic, without its zeros: an image of two pixels has something left.
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(count) + 0.5) / count)
