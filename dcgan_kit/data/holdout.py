"""Some images held out of training, to compare samples with: chosen by the seed alone, without copying a pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.errors import DataError, counted

_STREAM = 2**63 - 1
"""Second half of the random key. The order of training takes the number of its epoch there, which stays below."""


@dataclass(frozen=True)
class SplitImages:
    """A data set, divided.

    Attributes:
        all: every image that was read.
        training: what the networks are trained on.
        held_out: what they never see, to compare samples with; may be empty.
    """

    all: Images
    training: Images
    held_out: Images


def split(images: Images, held_out: float, seed: int) -> tuple[Images, Images]:
    """Return the images to train on, and those held out.

    Both are views: they share ``pixels`` (which may be a file mapped into memory) and differ in ``indices``, which
    ascend. Labels go along. Which images are held out depends on their number, the fraction and the seed alone.

    Args:
        images: what to split; may be a part itself.
        held_out: fraction in [0, 1), rounded to a whole number of images.
        seed: ≥ 0; the recipe's. The permutation is none of those that give the order of training.

    Raises:
        DataError: the fraction is out of range, or it leaves no image on one side though it is not 0.
    """
    if not 0.0 <= held_out < 1.0:
        raise DataError(f"the fraction of images to hold out must be at least 0 and below 1. Received: {held_out}")
    count = len(images)
    chosen = round(held_out * count)
    if held_out > 0.0 and not 0 < chosen < count:
        raise DataError(
            f"of {counted(count, 'image')} a fraction of {held_out} to hold out is {chosen}: "
            f"give a fraction that leaves images on both sides, or 0"
        )
    order = np.random.Generator(np.random.Philox(key=[seed, _STREAM])).permutation(count)
    return _part(images, order[chosen:]), _part(images, order[:chosen])


def _part(images: Images, positions: np.ndarray) -> Images:
    # Ascending, so that neighbours in a mapped file stay neighbours.
    positions = np.sort(positions)
    indices = positions if images.indices is None else images.indices[positions]
    labels = None if images.labels is None else images.labels[positions]
    return replace(images, indices=indices, labels=labels)
