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
    """A data set in memory.

    Attributes:
        pixels: uint8 array (N, H, W, C).
        labels: integer array (N,), or None.
        skipped: files that could not be read, each with the reason.
    """

    pixels: Any
    labels: Any = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdversarialLoss:
    """Two functions of D's logits on real and on generated images, each (B, 1) → scalar.

    Attributes:
        generator: ``(real_logits, fake_logits) -> scalar`` that G minimizes.
        discriminator: ``(real_logits, fake_logits) -> scalar`` that D minimizes.
    """

    generator: Callable[[Any, Any], Any]
    discriminator: Callable[[Any, Any], Any]
