"""Typed values that cross between the engine and components of kinds ``data`` and ``loss``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ImageSpec:
    """The images that a recipe asks for: height and width in pixels, and 1 to 4 channels."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return (self.height, self.width, self.channels)


@dataclass(frozen=True)
class Images:
    """A data set, or a part of one. ``len(images)`` is how many images it has.

    Attributes:
        pixels: uint8 array (N, H, W, C); a ``numpy.memmap`` where they are more than memory should hold.
        labels: integer array, one for each image, or None.
        skipped: files that could not be read, each with the reason.
        indices: integer array (M,): which of ``pixels`` belong to the part, in order; None: all N.
    """

    pixels: Any
    labels: Any = None
    skipped: tuple[str, ...] = ()
    indices: Any = None

    def __len__(self) -> int:
        return len(self.pixels if self.indices is None else self.indices)

    def batch(self, indices: Any) -> Any:
        """Return a uint8 array (..., H, W, C) of the images at an integer array (...) of places in 0 … len - 1."""
        return self.pixels[indices if self.indices is None else self.indices[indices]]


@dataclass(frozen=True)
class AdversarialLoss:
    """Two functions of D's logits on real and on generated images, each (B, 1) → scalar.

    Attributes:
        generator: ``(real_logits, fake_logits) -> scalar`` that G minimizes.
        discriminator: ``(real_logits, fake_logits) -> scalar`` that D minimizes.
    """

    generator: Callable[[Any, Any], Any]
    discriminator: Callable[[Any, Any], Any]
