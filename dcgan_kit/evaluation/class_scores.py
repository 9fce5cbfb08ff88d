"""Scores of each class alone: its generated images against its real ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.evaluation.class_accuracy import ClassFinder, Count
from dcgan_kit.evaluation.evaluator import Evaluator, Number, Reals, TaskReport
from dcgan_kit.evaluation.features import BATCH
from dcgan_kit.evaluation.selection import ChosenExtractor, ChosenScore

if TYPE_CHECKING:
    from dcgan_kit.evaluation.generated_batches import GeneratedSamples

DEFAULT_SCORES = ("kid",)
"""It has no bias, so it means the same with the few images of a class."""
MOST_LISTED = 10
"""Most classes that a note names."""


@dataclass(frozen=True)
class ClassScores:
    """The numbers of one class.

    Attributes:
        label: the number of the class.
        name: its name; empty if it has none.
        samples: number of its generated images.
        references: number of its real images in the reference.
        numbers: its numbers; a score with too few images is missing.
    """

    label: int
    name: str
    samples: int
    references: int
    numbers: tuple[Number, ...]

    def __getitem__(self, number: str) -> float:
        """Return the value of a number by its short name, e.g. ``evaluation.classes[3]["kid"]``.

        Raises:
            KeyError: there is no such number of this class.
        """
        return {one.number: one.value for one in self.numbers}[number]


@dataclass(frozen=True)
class ScoredClasses:
    """What was measured of all classes.

    Attributes:
        numbers: numbers about all classes together.
        classes: the numbers of each class.
        notes: remarks for the reader.
        failed: a line about each optional part that failed.
    """

    numbers: tuple[Number, ...] = ()
    classes: tuple[ClassScores, ...] = ()
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class ClassEvaluator:
    """Scores the generated images of each class.

    Args:
        reals: the real images, with labels.
        extractor: computes the features of images for the scores.
        scores: the scores of each class.
        finder: finds the classes of images.
        optional: whether a score that fails is left out with a note instead of raising an error.
        report: receives the progress.
    """

    def __init__(
        self,
        reals: Reals,
        extractor: ChosenExtractor,
        scores: Sequence[ChosenScore],
        finder: ClassFinder,
        optional: bool,
        report: TaskReport,
    ) -> None:
        self._reals, self._extractor, self._scores, self._finder = reals, extractor, scores, finder
        self._optional, self._report = optional, report
        self._notes: list[str] = []
        self._failed: list[str] = []
        self._few: dict[str, list[str]] = {}

    def evaluate(self, samples: GeneratedSamples, classes: int) -> ScoredClasses:
        """Score every class from 0 to ``classes`` - 1.

        Raises:
            ComponentError: the extractor failed, or a score that is not optional failed.
        """
        real = self._finder.count_real(self._report)
        pixels = samples.kept(partial(self._report, "making the images of the classes"))
        counts = {int(label): Count() for label in self._finder.known}
        scored = tuple(
            self._class(pixels[samples.classes == label], label, counts, real.get(label, Count()))
            for label in range(classes)
        )
        found, unseen = (sum(each.values(), Count()) for each in (counts, real))
        numbers = self._finder.numbers(found, unseen, self._finder.unseen) if found.images else ()
        few = [_too_few(reason, titles) for reason, titles in self._few.items()]
        return ScoredClasses(numbers, scored, (*self._notes, *few), tuple(self._failed))

    def _class(self, samples: Any, label: int, counts: dict[int, Count], real: Count) -> ClassScores:
        own, names = reals_of(self._reals, label), self._reals.training.class_names
        name = names[label] if label < len(names) else ""
        scores = self._with_enough(min(len(samples), len(own.reference), len(own.others)), f"{label} {name}".strip())

        def batches() -> Iterator[Any]:
            for start in range(0, len(samples), BATCH):
                pixels = samples[start : start + BATCH]
                if label in counts:
                    counts[label] += self._finder.count(pixels, label)
                yield pixels

        numbers = self._scored(own, scores, len(samples), batches(), label)
        if label in counts and counts[label].images:
            numbers += self._finder.numbers(counts[label], real, images_of(self._finder.unseen, label))
        return ClassScores(label, name, len(samples), len(own.reference), numbers)

    def _with_enough(self, fewest: int, title: str) -> list[ChosenScore]:
        """Return the scores for which a class has enough images, and remember the others."""
        enough = []
        for chosen in self._scores:
            needed = max(1, chosen.score.fewest_of_class or 1)
            if fewest >= needed:
                enough.append(chosen)
            else:
                self._few.setdefault(f"{chosen.component.name} needs {needed}", []).append(title)
        return enough

    def _scored(
        self, own: Reals, scores: Sequence[ChosenScore], size: int, batches: Iterator[Any], label: int
    ) -> tuple[Number, ...]:
        if not scores:
            deque(batches, maxlen=0)
            return ()
        lines: list[str] = []
        evaluator = Evaluator(
            own, self._extractor, scores, size, optional=self._optional, report=self._report, note=lines.append
        )
        numbers = evaluator.evaluate(batches)
        self._notes += [f"class {label}: {line}" for line in lines]
        self._failed += [f"class {label}: {line}" for line in evaluator.failed]
        return numbers


def reals_of(reals: Reals, label: int) -> Reals:
    """Return the real images of one class."""
    return Reals(
        reference=images_of(reals.reference, label),
        others=images_of(reals.others, label),
        rest=images_of(reals.rest, label),
        training=images_of(reals.training, label),
        split=reals.split,
        resized=reals.resized,
    )


def images_of(images: Images, label: int) -> Images:
    """Return the images of one class; there may be none."""
    chosen = np.flatnonzero(images.labels == label)
    indices = chosen if images.indices is None else images.indices[chosen]
    return replace(images, indices=indices, labels=images.labels[chosen])


def _too_few(reason: str, titles: Sequence[str]) -> str:
    shown = ", ".join(titles[:MOST_LISTED]) + (", …" if len(titles) > MOST_LISTED else "")
    return f"{reason} images of a class on each side, also for the floor. So it is left out of class {shown}"
