"""The sliced Wasserstein distance between patches of two sets of images, at each scale of a Laplacian pyramid.

Karras et al. 2018, arXiv 1710.10196, section 5: each level of the pyramid holds the detail of one scale. Patches of
7x7 pixels are drawn from it, and each channel is normalized by the mean and the standard deviation of its own set. The
distance is the mean over random directions of the Wasserstein distance of the patches' projections.

An accumulator keeps patches of a limited number of images. Its summary has the quantiles of each projection only, so it
is small, and sets of different sizes can be compared.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dcgan_kit import Features, Summary

PATCH = 7
"""Side of a patch in pixels, as published."""
PATCHES = 32
"""Patches of each image and level. Published are 128, of more than 8,000 images."""
MOST_IMAGES = 4096
"""Images whose patches are kept; of more images, a random choice. The distance is a mean of many patches anyway."""
DIRECTIONS = 512
BLOCK = 16
QUANTILES = 1024
LEVELS = (1, 2, 4, 8, 16)
"""How much smaller than the image each level of the pyramid is. Levels with a side below two patches are left out."""
SEED = 0
BLUR = np.array([1.0, 4.0, 6.0, 4.0, 1.0], np.float32) / 16.0
"""The filter of Burt, Adelson 1983, doi 10.1109/TCOM.1983.1095851."""


class PatchQuantiles:
    """Keeps for each level: {level_S: (512, 1024)}, the sorted quantiles of each projection of the patches."""

    def __init__(self) -> None:
        # Each kind of number is drawn from a stream of its own, so that the sizes of batches change nothing.
        self._rows, self._columns = _streams(0), _streams(1)
        self._places = np.random.Generator(np.random.Philox(key=(SEED, 2)))
        self._patches: list[np.ndarray] = []
        self._count = 0

    def add(self, pixels: np.ndarray, description: Features) -> None:
        """Add a batch."""
        levels = laplacian_pyramid(pixels)
        if not levels:
            raise ValueError(
                f"patches need images of at least {2 * PATCH} pixels a side. Received: {pixels.shape[1:3]}"
            )
        drawn = [self._drawn(number, level) for number, level in enumerate(levels)]
        if not self._patches:
            self._patches = [patches[:0] for patches in drawn]
        if any(old.shape[1:] != new.shape[1:] for old, new in zip(self._patches, drawn, strict=True)):
            raise ValueError("images have another number of channels than before")
        room = MOST_IMAGES - len(self._patches[0])
        kept = [np.concatenate([old, new[:room]]) for old, new in zip(self._patches, drawn, strict=True)]
        self._replace(kept, [patches[room:] for patches in drawn])
        self._patches = kept
        self._count += len(pixels)

    def summary(self) -> dict[str, np.ndarray]:
        """Return the summary of all batches."""
        if not self._count:
            raise ValueError("there is no image")
        return {f"level_{scale}": projected(patches) for scale, patches in zip(LEVELS, self._patches, strict=False)}

    def _drawn(self, number: int, level: np.ndarray) -> np.ndarray:
        """Return patches (N, 32, 7, 7, C) at random places of a level (N, H, W, C)."""
        images, height, width, _ = level.shape
        down = self._rows[number].integers(0, height - PATCH + 1, (images, PATCHES))
        right = self._columns[number].integers(0, width - PATCH + 1, (images, PATCHES))
        rows = down[..., None, None] + np.arange(PATCH)[:, None]
        columns = right[..., None, None] + np.arange(PATCH)
        return level[np.arange(images)[:, None, None, None], rows, columns]

    def _replace(self, kept: list[np.ndarray], more: list[np.ndarray]) -> None:
        """Let each further image take the place of a random one, so that all are kept with the same probability.

        Algorithm R of Vitter 1985, doi 10.1145/3147.3165.
        """
        seen = self._count + len(kept[0]) - len(self._patches[0])
        for number in range(len(more[0])):
            place = int(self._places.integers(0, seen + number + 1))
            if place < MOST_IMAGES:
                for level, patches in zip(kept, more, strict=True):
                    level[place] = patches[number]


def _streams(kind: int) -> list[np.random.Generator]:
    return [np.random.Generator(np.random.Philox(key=(SEED, 3 + 2 * level + kind))) for level in range(len(LEVELS))]


def laplacian_pyramid(pixels: np.ndarray) -> list[np.ndarray]:
    """Return the levels of uint8 images (N, H, W, C), finest first, as float32 (N, h, w, C).

    Each is the difference between an image and its blurred half, scaled up again; the last one is the rest.
    """
    image = pixels.astype(np.float32)
    levels: list[np.ndarray] = []
    while min(image.shape[1:3]) >= 2 * PATCH and len(levels) < len(LEVELS):
        half = _blurred(image)[:, ::2, ::2]
        levels.append(image - _doubled(half, image.shape[1], image.shape[2]))
        image = half
    if levels:
        levels[-1] += _doubled(half, *levels[-1].shape[1:3])
    return levels


def projected(patches: np.ndarray) -> np.ndarray:
    """Return the quantiles (512, 1024) of normalized patches (N, 32, 7, 7, C) along random directions."""
    values = patches.reshape(-1, *patches.shape[2:])
    mean, deviation = values.mean(axis=(0, 1, 2), dtype=np.float64), values.std(axis=(0, 1, 2), dtype=np.float64)
    # A flat channel has no detail: it becomes 0.
    normalized = (values - mean) / np.where(deviation > 0.0, deviation, 1.0)
    rows = normalized.reshape(len(values), -1).astype(np.float32)
    directions = np.random.Generator(np.random.Philox(SEED)).standard_normal((rows.shape[1], DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES * len(rows) - 0.5
    below = np.clip(np.floor(places).astype(np.int64), 0, len(rows) - 1)
    above, share = np.clip(below + 1, 0, len(rows) - 1), np.clip(places - below, 0.0, 1.0)
    quantiles = np.empty((DIRECTIONS, QUANTILES))
    # A few directions at a time: all projections at once would not fit into the cache.
    for start in range(0, DIRECTIONS, BLOCK):
        block = np.ascontiguousarray(directions.T[start : start + BLOCK], np.float32)
        ordered = np.sort(block @ rows.T, axis=1)
        quantiles[start : start + BLOCK] = ordered[:, below] * (1.0 - share) + ordered[:, above] * share
    return quantiles


def distances(fake: Summary, real: Summary) -> dict[int, float]:
    """Return the sliced Wasserstein distance at each level, by its scale.

    Raises:
        ValueError: the sides have different levels.
    """
    if fake.keys() != real.keys():
        raise ValueError(f"images have the levels {', '.join(fake)} and {', '.join(real)}: sizes must be equal")
    return {
        scale: float(np.abs(fake[f"level_{scale}"] - real[f"level_{scale}"]).mean())
        for scale in LEVELS
        if f"level_{scale}" in fake
    }


def _blurred(images: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        images = ndimage.correlate1d(images, BLUR, axis=axis, mode="mirror")
    return images


def _doubled(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return images of twice the size, smoothed, and cut to height and width."""
    spread = np.zeros((len(images), 2 * images.shape[1], 2 * images.shape[2], images.shape[3]), np.float32)
    spread[:, ::2, ::2] = 4.0 * images
    return _blurred(spread)[:, :height, :width]
