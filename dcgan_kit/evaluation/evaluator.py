"""All scores of a set of generated images, each number with its floor: the score that real images get.

An ``Evaluator`` reads the real images once. Then it evaluates any number of sets of generated images::

    evaluator = Evaluator(split_reference(training, held_out), extractor, scores, samples=2000)
    for number in evaluator.evaluate(generated_pixels(...)):
        print(number.name, number.value, number.floor)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.score import Better, Gathering, ScoreInputs, Summary
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.holdout import split
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import ComponentError, DataError, counted
from dcgan_kit.evaluation.features import gather, gatherings_of
from dcgan_kit.evaluation.protocol import Protocol
from dcgan_kit.evaluation.reference_cache import FINGERPRINT_DIGITS, Note, fingerprint, real_summaries
from dcgan_kit.evaluation.selection import ChosenExtractor, ChosenScore, NoValue, measuring

MOST_REFERENCES = 10_000
"""Most reference images, unless there are more samples: the time to find neighbours grows quadratically."""
MOST_SAMPLES = 5_000
"""Largest default number of samples."""
SEED = 0
"""Seed that divides the real images. It is not an option, because numbers of different divisions are not comparable."""

TaskReport = Callable[[str, int, int], None]
"""Receives progress: (task, done, total). It is called only for tasks that take more than two seconds."""


@dataclass(frozen=True)
class Reals:
    """Real images, divided by purpose. No image is in both ``reference`` and ``others``.

    Attributes:
        reference: the images that samples are compared with.
        others: the images that take the place of samples to compute the floor.
        rest: training images outside ``others``; they replace ``training`` in the floor of scores that need it.
        training: all images that the generator was trained on.
        split: ``val``: the reference was held out of training; ``train``: it was not; ``real``: no training is known.
        resized: whether the images were resized for this evaluation.
    """

    reference: Images
    others: Images
    rest: Images
    training: Images
    split: str
    resized: bool = False

    @property
    def held_out(self) -> bool:
        """Whether the generator never saw the reference."""
        return self.split == "val"

    @property
    def images(self) -> str:
        """The size of the images as protocols say it, e.g. ``28x28x1`` or ``28x28x1 resized``."""
        shape = "x".join(map(str, self.training.pixels.shape[1:]))
        return f"{shape} resized" if self.resized else shape


def split_reference(training: Images, held_out: Images | None, split_name: str = "train") -> Reals:
    """Divide real images. The reference is the held-out split; without one, it is half of the training images.

    Args:
        training: the images that the generator was trained on.
        held_out: the held-out split; None or empty if there is none.
        split_name: the name of the reference if there is no held-out split.

    Raises:
        DataError: there are fewer than four images to divide.
    """
    if len(training) < 4:
        raise DataError(f"{counted(len(training), 'real image')}: too few to divide. At least 4 are needed")
    rest, others = split(training, 0.5, SEED)
    if held_out is None or not len(held_out):
        return Reals(rest, others, rest, training, split_name)
    return Reals(held_out, others, rest, training, "val")


def default_samples(reals: Reals) -> int:
    """Return the default number of samples: the number of real images for the floor, at most 5000."""
    return min(MOST_SAMPLES, len(reals.others))


@dataclass(frozen=True)
class Number:
    """One number of one score.

    Attributes:
        number: its short name, e.g. ``fd``.
        value: the value for the samples.
        floor: the value for real images in place of the samples; None if the score has no such number for them.
        better: which values are better.
        protocol: everything else that the number depends on.
        floor_samples: number of real images in the floor.
    """

    number: str
    value: float
    floor: float | None
    better: Better
    protocol: Protocol
    floor_samples: int

    @property
    def name(self) -> str:
        """The full name, which includes everything that the number depends on."""
        return self.protocol.name(self.number)


class Evaluator:
    """Compares sets of generated images with the same real ones.

    Args:
        reals: the real images.
        extractor: computes the features of images.
        scores: the scores to compute.
        samples: number of images in a set; the sizes of the reference and of the floor depend on it.
        optional: if a score has no value for these images or fails on samples, leave it out with a note instead of
            raising an error.
        report: receives the progress.
        note: receives warnings, for example about the cache.

    Raises:
        NoValue: a score has no value for the real images, and ``optional`` is False.
        ComponentError: a component failed on the real images.

    Attributes:
        failed: one line for each optional score that failed on the latest samples. A score without a value for them is
            not listed.
    """

    def __init__(
        self,
        reals: Reals,
        extractor: ChosenExtractor,
        scores: Sequence[ChosenScore],
        samples: int,
        optional: bool = False,
        report: TaskReport | None = None,
        note: Note = lambda line: None,
    ) -> None:
        self._extractor, self._scores, self._optional = extractor, list(scores), optional
        self._report, self._note = report, note
        self.failed: list[str] = []
        self._gatherings = gatherings_of(scores)
        self._of_training = gatherings_of([chosen for chosen in scores if chosen.score.needs_training])
        reference = subsample(reals.reference, max(samples, MOST_REFERENCES))
        others = subsample(reals.others, samples)
        self.floor_samples = len(others)
        self._reference, reference_hash = self._summarized("reading real images", reference, self._gatherings)
        # These summaries serve for the floors only. They are not kept, to save memory during training.
        floor_side, _ = self._summarized("reading more real images, for the floor", others, self._gatherings)
        self._training: dict[Gathering, Summary] = {}
        rest: dict[Gathering, Summary] = {}
        training_hash = ""
        if self._of_training:
            task = "reading the training images"
            self._training, training_hash = self._summarized(task, reals.training, self._of_training)
            rest, _ = self._summarized(task, reals.rest, self._of_training)
        self._protocol = Protocol(
            options="",
            extractor=extractor.name,
            images=reals.images,
            samples=samples,
            references=len(reference),
            split=reals.split,
            fingerprint=reference_hash[:FINGERPRINT_DIGITS],
        )
        self._training_hash = training_hash[:FINGERPRINT_DIGITS]
        self._floors = self._measured_floors(floor_side, rest)

    def evaluate(self, batches: Iterable[Any]) -> tuple[Number, ...]:
        """Compute the scores of a set of generated images.

        Args:
            batches: batches of uint8 pixels (N, H, W, C); in total as many images as ``samples`` of the evaluator.

        Raises:
            ComponentError: the extractor failed, or a score that is not optional failed.
        """
        self.failed = []
        with self._reporting("reading samples"):
            fakes = gather(batches, self._protocol.samples, self._extractor, self._gatherings)
        numbers = []
        for chosen, floors in zip(self._scores, self._floors, strict=True):
            try:
                found = self._compared(chosen, fakes, self._training)
                warning = self._warned(chosen, found)
            except ComponentError as error:
                if not self._optional:
                    raise
                line = f"{chosen.component.name} is missing from this evaluation: {error}"
                self._note(line)
                if not isinstance(error, NoValue):
                    self.failed.append(line)
                continue
            if warning:
                self._note(warning)
            for name, value in found.items():
                numbers.append(
                    Number(
                        number=name,
                        value=value,
                        floor=floors.get(name),
                        better=chosen.score.better[name],
                        protocol=self._protocol_of(chosen),
                        floor_samples=self.floor_samples,
                    )
                )
        return tuple(numbers)

    def _measured_floors(
        self, others: dict[Gathering, Summary], rest: dict[Gathering, Summary]
    ) -> list[dict[str, float]]:
        floors = []
        for chosen in tuple(self._scores):
            try:
                floors.append(self._compared(chosen, others, rest, "the floor of "))
            except NoValue as error:
                if not self._optional:
                    raise
                self._scores.remove(chosen)
                self._note(f"{chosen.component.name} is left out: {error}")
        return floors

    def _summarized(self, task: str, images: Images, gatherings: Any) -> tuple[dict[Gathering, Summary], str]:
        with self._reporting(task):
            digits = fingerprint(images)
            return real_summaries(images, digits, self._extractor, gatherings, self._note), digits

    def _compared(
        self,
        chosen: ChosenScore,
        images: dict[Gathering, Summary],
        training: dict[Gathering, Summary],
        of: str = "",
    ) -> dict[str, float]:
        score = chosen.score
        sides = ScoreInputs(
            fake=images[score.gathering],
            reference=self._reference[score.gathering],
            training=training[score.gathering] if score.needs_training else None,
        )
        with self._reporting(f"comparing: {of}{chosen.component.name}"), measuring(chosen.component, "compare"):
            numbers = {name: float(value) for name, value in score.compare(sides).items()}
        if not numbers:
            raise NoValue(f"{chosen.component}: it has no value for these images")
        for name, value in numbers.items():
            if name not in score.better or not math.isfinite(value):
                raise ComponentError(
                    f"{chosen.component}: must return finite numbers called {', '.join(score.better)}. "
                    f"Received: {name} = {value}"
                )
        return numbers

    def _warned(self, chosen: ChosenScore, numbers: Mapping[str, float]) -> str:
        if chosen.score.warn is None:
            return ""
        with measuring(chosen.component, "warn"):
            return " ".join(str(chosen.score.warn(numbers)).split())

    def _protocol_of(self, chosen: ChosenScore) -> Protocol:
        extractor = "" if chosen.score.gathering.sees == "pixels" else self._protocol.extractor
        digits = self._protocol.fingerprint
        if chosen.score.needs_training:
            digits = f"{digits}+{self._training_hash}"
        return replace(self._protocol, options=chosen.options, extractor=extractor, fingerprint=digits)

    def _reporting(self, task: str) -> Any:
        return reporting_to(None if self._report is None else partial(self._report, task))


def subsample(images: Images, most: int) -> Images:
    """Return at most ``most`` images, chosen at random with a fixed seed, in their original order."""
    if len(images) <= most:
        return images
    chosen = np.sort(np.random.Generator(np.random.Philox(SEED)).permutation(len(images))[:most])
    indices = chosen if images.indices is None else images.indices[chosen]
    return replace(images, indices=indices, labels=None if images.labels is None else images.labels[chosen])
