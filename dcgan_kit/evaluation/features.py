"""Batches of images → features of an extractor → the summaries that scores need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.score import Features, Gathering, Summary
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.progress import report_progress
from dcgan_kit.errors import ComponentError, DataError, counted
from dcgan_kit.evaluation.selection import ChosenExtractor, ChosenScore, measuring

BATCH = 256
"""Number of images in memory at once."""


def batches_of(images: Images) -> Iterator[Any]:
    """Yield uint8 pixels (up to 256, H, W, C), in order."""
    for start in range(0, len(images), BATCH):
        yield images.batch(np.arange(start, min(start + BATCH, len(images))))


def gatherings_of(scores: Sequence[ChosenScore]) -> dict[Gathering, Component]:
    """Return the different gatherings of the scores, each with a component that defines it."""
    found: dict[Gathering, Component] = {}
    for chosen in scores:
        found.setdefault(chosen.score.gathering, chosen.component)
    return found


def gather(
    batches: Iterable[Any], count: int, extractor: ChosenExtractor, gatherings: dict[Gathering, Component]
) -> dict[Gathering, Summary]:
    """Pass all images once through the extractor and all accumulators.

    Args:
        batches: batches of uint8 pixels (N, H, W, C).
        count: total number of images.
        extractor: computes the features of images; it runs only if a gathering needs more than pixels.
        gatherings: the gatherings, each with the component that defines it.

    Raises:
        ComponentError: a component failed; the message names it.
        DataError: the number of images is not ``count``, so the names of the numbers would be wrong.
    """
    accumulators = {}
    for gathering, component in gatherings.items():
        with measuring(component, "start"):
            accumulators[gathering] = gathering.start()
    featured = any(gathering.sees != "pixels" for gathering in gatherings)
    done = 0
    for pixels in batches:
        description = described(extractor, pixels) if featured else _no_features(len(pixels))
        for gathering, component in gatherings.items():
            with measuring(component, "add"):
                accumulators[gathering].add(pixels, description)
        done += len(pixels)
        report_progress(done, count)
    if done != count:
        raise DataError(f"{counted(count, 'image')} were expected. Received: {done}")
    summaries: dict[Gathering, Summary] = {}
    for gathering, component in gatherings.items():
        with measuring(component, "summary"):
            summaries[gathering] = accumulators[gathering].summary()
    return summaries


def described(extractor: ChosenExtractor, pixels: Any) -> Features:
    """Return what an extractor computes of uint8 pixels (N, H, W, C).

    Raises:
        ComponentError: it failed, or did not return one row for each image.
    """
    with measuring(extractor.component, "describe"):
        description = extractor.extractor.describe(pixels)
    rows = len(description.features) if isinstance(description, Features) else None
    if rows != len(pixels):
        raise ComponentError(
            f"{extractor.component}: must return one row of features for each of {len(pixels)} images. Received: {rows}"
        )
    return description


def _no_features(count: int) -> Features:
    return Features(np.zeros((count, 0), np.float32))
