"""The training images that are nearest to a picture, and how near real images are to each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dcgan_kit.data.holdout import SplitImages
from dcgan_kit.reports.neighbours import MOST, nearest, several_nearest

COUNT = 6
COMPARED = 100
"""Number of held-out images whose nearest training images show which distances are usual."""


@dataclass(frozen=True)
class Neighbour:
    """A training image.

    Attributes:
        pixels: uint8 (H, W, C).
        distance: root mean squared difference from the picture, in grey levels from 0 to 255.
        name: its label, by name if the classes have names; empty if the images have no labels.
    """

    pixels: Any
    distance: float
    name: str


class Neighbourhood:
    """Finds training images that are near to a picture, pixel by pixel.

    Args:
        images: the images of the recipe.
    """

    def __init__(self, images: SplitImages) -> None:
        self._images = images

    def of(self, pixels: Any) -> tuple[Neighbour, ...]:
        """Return the nearest training images of a picture, uint8 (H, W, C), the nearest first."""
        training = self._images.training
        indices, distances = several_nearest(pixels, training, COUNT)
        found = training.batch(indices)
        return tuple(map(Neighbour, found, distances.tolist(), map(self._name, indices.tolist())))

    def _name(self, index: int) -> str:
        training = self._images.training
        if training.labels is None:
            return ""
        label = int(training.labels[index])
        return training.class_names[label] if 0 <= label < len(training.class_names) else f"label {label}"

    @cached_property
    def usual(self) -> float | None:
        """Median distance of held-out images from their nearest training images; None if no images are held out."""
        held_out = self._images.held_out
        if not len(held_out):
            return None
        chosen = np.linspace(0, len(held_out) - 1, min(len(held_out), COMPARED)).round().astype(np.int64)
        _, distances = nearest(held_out.batch(chosen), self._images.training, lambda done, total: None)
        return float(np.median(distances))

    @property
    def compared(self) -> str:
        """Say with how many images pictures are compared."""
        count = len(self._images.training)
        return (
            f"{count:,} training images" if count <= MOST else f"{MOST:,} of {count:,} training images, evenly chosen"
        )
