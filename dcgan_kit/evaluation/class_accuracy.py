"""How often a classifier finds the class that was asked for, beside how often it finds that of real images.

The classifier learned from training images only, and the real images are others. So both numbers are of images that it
never saw. The share of generated images is called GAN-test: Shmelkov et al. 2018, arXiv 1807.09499
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.registry import Registry
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import ComponentError
from dcgan_kit.evaluation.evaluator import Number, Reals, TaskReport
from dcgan_kit.evaluation.features import batches_of, described
from dcgan_kit.evaluation.protocol import Protocol
from dcgan_kit.evaluation.reference_cache import FINGERPRINT_DIGITS, fingerprint
from dcgan_kit.evaluation.selection import ChosenExtractor, build_extractor, choice_of

CLASSIFIER = "self_classifier"
"""The extractor that classifies if the chosen one did not learn these classes from the training images alone."""
NORMAL_QUANTILE = 1.959964
"""Between minus and plus this value lie 95 % of a standard normal distribution."""


@dataclass(frozen=True)
class Count:
    """How many of some images were found to have their class.

    Attributes:
        found: number of images whose class was found.
        images: number of all images.
    """

    found: int = 0
    images: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.found + other.found, self.images + other.images)

    @property
    def share(self) -> float:
        """The share of the images whose class was found, [0, 1]."""
        return self.found / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share, [0, 1]. Wilson 1927, doi 10.1080/01621459.1927.10502953."""
        squared = NORMAL_QUANTILE**2
        middle = self.found + squared / 2
        half = NORMAL_QUANTILE * math.sqrt(self.found * (self.images - self.found) / self.images + squared / 4)
        low, high = ((middle + side * half) / (self.images + squared) for side in (-1, 1))
        return max(0.0, low), min(1.0, high)


@dataclass(frozen=True)
class ClassFinder:
    """A classifier, and real images that it did not learn from.

    Attributes:
        classifier: an extractor whose probabilities are those of ``known``.
        known: the classes that it learned, ascending integers (K,).
        unseen: real images that it did not learn from, with labels.
        split: the name of these images in protocols.
        images: their size as protocols say it.
    """

    classifier: ChosenExtractor
    known: Any
    unseen: Images
    split: str
    images: str

    def count(self, pixels: Any, label: int) -> Count:
        """Return how many images of one class it finds; uint8 pixels (N, H, W, C)."""
        return Count(int((self._found(pixels) == label).sum()), len(pixels))

    def count_real(self, report: TaskReport) -> Mapping[int, Count]:
        """Return how many of the unseen real images of each known class it finds, by class."""
        with reporting_to(partial(report, "classifying real images")):
            found = np.concatenate([self._found(pixels) for pixels in batches_of(self.unseen)])
        right = found == self.unseen.labels
        own = {int(label): self.unseen.labels == label for label in self.known}
        return {label: Count(int(right[mask].sum()), int(mask.sum())) for label, mask in own.items()}

    def numbers(self, samples: Count, real: Count, reference: Images) -> tuple[Number, ...]:
        """Return the share of the samples whose class was found, and the ends of its interval.

        Args:
            samples: of generated images, at least one.
            real: of real images; if there are none, the numbers have no floor.
            reference: these real images.
        """
        digits = fingerprint(reference)[:FINGERPRINT_DIGITS]
        protocol = Protocol("", self.classifier.name, self.images, samples.images, len(reference), self.split, digits)
        floors = (real.share, *real.interval) if real.images else (None,) * 3
        values = {"class_accuracy": samples.share, **dict(zip(_ENDS, samples.interval, strict=True))}
        return tuple(
            Number(name, value, floor, "neither" if name in _ENDS else "floor", protocol, real.images)
            for (name, value), floor in zip(values.items(), floors, strict=True)
        )

    def _found(self, pixels: Any) -> Any:
        probabilities, expected = described(self.classifier, pixels).probabilities, (len(pixels), len(self.known))
        shape = None if probabilities is None else np.shape(probabilities)
        if shape != expected:
            raise ComponentError(
                f"{self.classifier.name} learned the labels, so it must return a probability of each of them: "
                f"shape {expected}. Received: {shape}"
            )
        return self.known[np.asarray(probabilities).argmax(axis=1)]


_ENDS = ("class_accuracy_low", "class_accuracy_high")


def class_finder(
    chosen: ChosenExtractor, requested: str | None, registry: Registry, reals: Reals, report: TaskReport
) -> ClassFinder:
    """Return a classifier that learned from training images, and real images that it never saw.

    These are the held-out images. Without any, the classifier learns from one half of the training images, and the
    other half is unseen.

    Args:
        chosen: the extractor of the evaluation, built for the training images.
        requested: its name and options, if the user named one.
        registry: contains the extractors.
        reals: the real images, with labels.
        report: receives the progress.

    Raises:
        ComponentError: the classifier cannot be built.
    """
    learned, unseen = (reals.training, reals.reference) if reals.held_out else (reals.rest, reals.others)
    own = chosen.extractor.learned_labels
    if not (own and reals.held_out):
        choice = choice_of("extractor", requested if own and requested else CLASSIFIER, registry)
        with reporting_to(partial(report, "preparing the classifier")):
            chosen = build_extractor(choice, learned)
    return ClassFinder(chosen, np.unique(learned.labels), unseen, reals.split, reals.images)
