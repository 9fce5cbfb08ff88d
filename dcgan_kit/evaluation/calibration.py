"""Scores of real images with known faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.holdout import split
from dcgan_kit.errors import DataError, counted
from dcgan_kit.evaluation.evaluator import Evaluator, Number, Reals, TaskReport
from dcgan_kit.evaluation.features import batches_of
from dcgan_kit.evaluation.selection import ChosenExtractor, ChosenScore

NOISE = 25.0
"""Standard deviation of the noise, in grey levels."""
SLIGHT = 0.2
"""Share of the way to the mean of 3x3 pixels. It takes 2.5 dB from high frequencies of clothes, and is hard to see."""
REPEATED = 10
KEPT_CLASSES = 5
SEED = 0

Pixels = npt.NDArray[np.uint8]
Fault = Callable[[Images, Images, np.random.Generator], Images]
"""(real images outside the reference, training images, random generator) → images to evaluate."""


@dataclass(frozen=True)
class Calibration:
    """The scores of each fault.

    Attributes:
        numbers: the numbers of each fault, by the name of the fault.
        samples: number of images for each fault.
        references: number of real images that they were compared with.
    """

    numbers: Mapping[str, tuple[Number, ...]]
    samples: int
    references: int

    def joined(self, other: Calibration, names: Sequence[str]) -> Calibration:
        """Return the calibration with the numbers called ``names`` of another one, of the same faults, added."""
        more = {fault: tuple(n for n in found if n.number in names) for fault, found in other.numbers.items()}
        return replace(self, numbers={fault: (*found, *more[fault]) for fault, found in self.numbers.items()})


def calibrate(
    images: Images,
    extractor: ChosenExtractor,
    scores: Sequence[ChosenScore],
    samples: int | None = None,
    report: TaskReport | None = None,
) -> Calibration:
    """Compare real images, and copies of them with known faults, with other images of the same data set.

    One third of the images is the reference. One third takes the role of the training images. The last third is
    evaluated. Every fault has the same number of images.

    Args:
        images: real images with labels.
        extractor: computes the features of images.
        scores: the scores to compute.
        samples: number of images for each fault; default and maximum: the size of the smallest faulty set.
        report: receives the progress.

    Raises:
        DataError: there are no labels, fewer than six classes, or too few images for ``samples``.
    """
    classes = 0 if images.labels is None else len(np.unique(images.labels))
    if classes <= KEPT_CLASSES:
        raise DataError(
            f"calibrating keeps {KEPT_CLASSES} classes of the images, so it needs more. "
            f"Received: {counted(classes, 'label')}"
        )
    training, others = split(images, 2 / 3, SEED)
    others, reference = split(others, 0.5, SEED)
    random = np.random.Generator(np.random.Philox(SEED))
    sets = {name: fault(others, training, random) for name, fault in FAULTS.items()}
    most = min(map(len, sets.values()))
    samples = most if samples is None else samples
    if samples > most:
        raise DataError(f"these images give each fault at most {counted(most, 'sample')}. Received: {samples}")
    rest, floor = split(training, 0.5, SEED)
    evaluator = Evaluator(Reals(reference, floor, rest, training, "val"), extractor, scores, samples, report=report)
    numbers = {name: evaluator.evaluate(_batches(chosen, samples)) for name, chosen in sets.items()}
    return Calibration(numbers, samples, len(reference))


def _batches(images: Images, count: int) -> Iterator[Pixels]:
    # A set may be in the order of its classes; a random choice takes images of each class.
    order = np.random.Generator(np.random.Philox(SEED)).permutation(len(images))[:count]
    places = order if images.indices is None else images.indices[order]
    return batches_of(replace(images, indices=places, labels=None))


def _unchanged(others: Images, training: Images, random: np.random.Generator) -> Images:
    return others


def _copied(others: Images, training: Images, random: np.random.Generator) -> Images:
    return training


def _noisy(others: Images, training: Images, random: np.random.Generator) -> Images:
    pixels = others.batch(np.arange(len(others)))
    noise = random.standard_normal(pixels.shape) * NOISE
    return Images(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


def _blurred(others: Images, training: Images, random: np.random.Generator, share: float = 1.0) -> Images:
    """Move each pixel towards the mean over 3x3 pixels, by a share of the way."""
    pixels = others.batch(np.arange(len(others))).astype(np.float64)
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = pixels.shape[1:3]
    moved = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return Images(np.rint((1.0 - share) * pixels + share * np.mean(moved, axis=0)).astype(np.uint8))


def _checkered(others: Images, training: Images, random: np.random.Generator) -> Images:
    """Add a checkerboard pattern: pixels are lighter and darker by 4 grey levels in turn."""
    pixels = others.batch(np.arange(len(others))).astype(np.float64)
    rows, columns = np.indices(pixels.shape[1:3])
    pattern = np.where((rows + columns) % 2, 4.0, -4.0)[None, :, :, None]
    return Images(np.clip(pixels + pattern, 0, 255).astype(np.uint8))


def _without_a_class(others: Images, training: Images, random: np.random.Generator) -> Images:
    return _selected(others, others.labels != np.unique(others.labels)[0])


def _five_classes(others: Images, training: Images, random: np.random.Generator) -> Images:
    return _selected(others, np.isin(others.labels, np.unique(others.labels)[:KEPT_CLASSES]))


def _ten_images(others: Images, training: Images, random: np.random.Generator) -> Images:
    few = others.batch(np.sort(random.permutation(len(others))[:REPEATED]))
    return Images(few[np.arange(len(others)) % REPEATED])


def _selected(images: Images, mask: npt.NDArray[np.bool_]) -> Images:
    return Images(images.batch(np.flatnonzero(mask)))


FAULTS: dict[str, Fault] = {
    "real": _unchanged,
    "noise": _noisy,
    "blur": _blurred,
    "slight blur": partial(_blurred, share=SLIGHT),
    "checkerboard": _checkered,
    "a class missing": _without_a_class,
    "five classes": _five_classes,
    "ten images": _ten_images,
    "copies": _copied,
}
"""Faults by name. ``real`` has no fault and shows the floor; ``copies`` are training images."""
