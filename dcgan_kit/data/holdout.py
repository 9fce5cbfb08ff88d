"""Split a data set into training images and a held-out split. The seed alone decides; no pixels are copied."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.errors import DataError, counted

_STREAM = 2**63 - 1
"""Second half of the random key. The order of training uses its epoch number there, which is always smaller."""


@dataclass(frozen=True)
class SplitImages:
    """A data set and its two parts.

    Attributes:
        all: every image that was read.
        training: the training images.
        held_out: the held-out split, which training never uses; scores compare samples with it. It may be empty.
    """

    all: Images
    training: Images
    held_out: Images


def split(images: Images, held_out: float, seed: int) -> tuple[Images, Images]:
    """Return the training images and the held-out split.

    Both are views: they share ``pixels`` (which may be a memory-mapped file) and differ in ``indices``, which ascend.
    Labels are split in the same way. The choice depends only on the number of images, the fraction and the seed.

    Args:
        images: the images to split; they may be a part of a data set.
        held_out: fraction in [0, 1); fraction x number of images is rounded to a whole number.
        seed: the recipe's seed, ≥ 0. The permutation differs from those of the training order.

    Raises:
        DataError: the fraction is out of range, or it is not 0 and leaves one part empty.
    """
    if not 0.0 <= held_out < 1.0:
        raise DataError(f"the fraction of images to hold out must be at least 0 and below 1. Received: {held_out}")
    count = len(images)
    chosen = round(held_out * count)
    if held_out > 0.0 and not 0 < chosen < count:
        raise DataError(
            f"a held-out fraction of {held_out} of {counted(count, 'image')} is {counted(chosen, 'image')}: "
            f"give a fraction that leaves images in both parts, or 0"
        )
    order = np.random.Generator(np.random.Philox(key=[seed, _STREAM])).permutation(count)
    return _part(images, order[chosen:]), _part(images, order[:chosen])


def _part(images: Images, positions: np.ndarray) -> Images:
    # Ascending, so that neighbours in a memory-mapped file stay neighbours.
    positions = np.sort(positions)
    indices = positions if images.indices is None else images.indices[positions]
    labels = None if images.labels is None else images.labels[positions]
    return replace(images, indices=indices, labels=labels)
