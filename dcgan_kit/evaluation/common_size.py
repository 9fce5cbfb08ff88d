"""Real images in another size than their own, so that models of different sizes can be compared by the same scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.data.resized_pixels import resized_pixels
from dcgan_kit.evaluation.evaluator import Reals


def resized_reals(reals: Reals, spec: ImageSpec) -> Reals:
    """Return real images in another size. They are resized whenever they are read.

    Raises:
        ValueError: see ``resized_pixels``.
    """
    return replace(
        reals,
        reference=_resized(reals.reference, spec),
        others=_resized(reals.others, spec),
        rest=_resized(reals.rest, spec),
        training=_resized(reals.training, spec),
        resized=True,
    )


@dataclass(frozen=True)
class ResizedArray:
    """An array of images (N, H, W, C) in another size. Like a mapped file, it makes the images that are asked for.

    Attributes:
        pixels: the images in their own size, uint8.
        spec: the other size.
    """

    pixels: Any
    spec: ImageSpec

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, height, width, channels)."""
        return (len(self.pixels), *self.spec.shape)

    @property
    def ndim(self) -> int:
        """4."""
        return 4

    @property
    def dtype(self) -> Any:
        """uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, indices: Any) -> Any:
        chosen = np.asarray(self.pixels[indices])
        flat = resized_pixels(chosen.reshape(-1, *chosen.shape[-3:]), self.spec)
        return flat.reshape(*chosen.shape[:-3], *self.spec.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[:], dtype)


def _resized(images: Images, spec: ImageSpec) -> Images:
    # Nothing is read before the first score, but what cannot be resized must be said now.
    resized_pixels(images.pixels[:0], spec)
    return replace(images, pixels=ResizedArray(images.pixels, spec))
