"""Evaluations of images: by the scores that the user named, or by all possible scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.registry import Registry
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import ComponentError, UserError
from dcgan_kit.evaluation.calibration import Calibration, calibrate
from dcgan_kit.evaluation.class_accuracy import class_finder
from dcgan_kit.evaluation.class_scores import DEFAULT_SCORES, ClassEvaluator, ScoredClasses
from dcgan_kit.evaluation.evaluator import Evaluator, Number, Reals, TaskReport
from dcgan_kit.evaluation.generated_batches import GeneratedSamples
from dcgan_kit.evaluation.judges import Judge, Judgement, disagreement, judges_of
from dcgan_kit.evaluation.request import Request
from dcgan_kit.evaluation.results import Evaluation
from dcgan_kit.evaluation.selection import (
    ChosenExtractor,
    ChosenScore,
    build_extractor,
    build_score,
    choice_of,
    default_extractor,
    unusable,
    unusable_of_class,
    usable_scores,
)

Note = Callable[[str], None]


@dataclass(frozen=True)
class EvaluatedImages:
    """The evaluated images and the real images that they are compared with.

    Attributes:
        of: the evaluated images: a run with its step, or a path.
        batches: yields batches of uint8 pixels (N, H, W, C), the same at every call.
        samples: total number of images in the batches.
        reals: the real images.
        source: name of the data component of the real images; empty if there is none.
        notes: remarks about the images for the reader.
        generated: the images in the batches, if they have classes; else None.
        classes: number of their classes; 0 if they have none.
    """

    of: Mapping[str, Any]
    batches: Callable[[], Iterable[Any]]
    samples: int
    reals: Reals
    source: str = ""
    notes: Sequence[str] = ()
    generated: GeneratedSamples | None = None
    classes: int = 0


def evaluate(
    request: Request, registry: Registry, images: EvaluatedImages, report: TaskReport, note: Note
) -> Evaluation:
    """Compute the requested scores.

    If a score fails that the request does not name, it is left out, and ``failed`` of the result says so.

    Args:
        request: the requested scores.
        registry: contains the requested components.
        images: the images.
        report: receives the progress.
        note: receives warnings.

    Raises:
        UserError: a score or the extractor cannot be used with these images.
        ComponentError: a named component failed.
    """
    reals = images.reals
    extractor, reason = _extractor(request, registry, reals.training, images.source, report)
    scores, left_out = _scores(request, registry, extractor, reals.held_out)
    class_scores = None if images.generated is None else _class_scores(request, registry, extractor, reals.held_out)
    optional = request.scores is None
    evaluator = Evaluator(reals, extractor, scores, images.samples, optional, report, note)
    numbers = evaluator.evaluate(images.batches())
    judgements, judge_notes = _judged(request, registry, images, numbers, report)
    caveats = _caveats(reals, images.samples, evaluator.floor_samples)
    scored = _classes(request, registry, images, extractor, class_scores, report)
    failed = (*evaluator.failed, *scored.failed)
    judged = (*judge_notes, *disagreement(judgements))
    lines = (*images.notes, *failed, reason, *left_out, *caveats, *scored.notes, *judged)
    return Evaluation(images.of, (*numbers, *scored.numbers), lines, failed, scored.classes, judgements)


def _judged(
    request: Request, registry: Registry, images: EvaluatedImages, numbers: Sequence[Number], report: TaskReport
) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    """Return the judgements of all judges, those of ``numbers`` among them, and notes about missing ones."""
    if not request.asks_judges:
        return (), ()
    notes: list[str] = []
    judgements = []
    for judge in judges_of(images.reals.training, images.source):
        try:
            found = judge.of(numbers) or judge.of(_numbers_of(judge, registry, images, report, notes.append))
        except (ComponentError, UserError) as error:
            # What was measured already must not be lost with one judge.
            notes.append(f"the judge {judge.name} is missing from this evaluation: {error}")
            continue
        judgements += [] if found is None else [found]
    return tuple(judgements), tuple(notes)


def _request_of(judge: Judge) -> Request:
    # Scores of pixels need no features, but an evaluator takes an extractor; this one costs nothing to build.
    return Request(judge.scores, judge.extractor or "random_convolution")


def _numbers_of(
    judge: Judge, registry: Registry, images: EvaluatedImages, report: TaskReport, note: Note
) -> tuple[Number, ...]:
    of_judge = _request_of(judge)
    extractor, _ = _extractor(of_judge, registry, images.reals.training, images.source, report)
    scores, _ = _scores(of_judge, registry, extractor, images.reals.held_out)
    return Evaluator(images.reals, extractor, scores, images.samples, True, report, note).evaluate(images.batches())


def calibration(
    request: Request, registry: Registry, images: Images, source: str, report: TaskReport, note: Note
) -> Calibration:
    """Compute the scores of real images, and of copies with known faults.

    Args:
        request: the requested scores.
        registry: contains the requested components.
        images: the real images.
        source: name of the data component that they come from.
        report: receives the progress.
        note: receives a line about the extractor, and a line about each score that is left out.

    Raises:
        UserError: a score or the extractor cannot be used with these images.
        ComponentError: a component failed.
    """
    extractor, reason = _extractor(request, registry, images, source, report)
    scores, left_out = _scores(request, registry, extractor, held_out=True)
    for line in (reason, *left_out):
        note(line)
    found = calibrate(images, extractor, scores, request.samples, report)
    for judge in judges_of(images, source) if request.asks_judges else ():
        # The first calibration has the scores of pixels, and those in the features of its extractor.
        if judge.of(found.numbers["real"]) is None:
            of_judge = _request_of(judge)
            built, _ = _extractor(of_judge, registry, images, source, report)
            more = calibrate(images, built, _scores(of_judge, registry, built, True)[0], found.samples, report)
            found = found.joined(more, judge.numbers)
    return found


def _extractor(
    request: Request, registry: Registry, training: Images, source: str, report: TaskReport
) -> tuple[ChosenExtractor, str]:
    """Build the extractor. Return it, and a line that says which one was chosen and why."""
    name, reason = (request.extractor, "as requested") if request.extractor else default_extractor(training, source)
    with reporting_to(partial(report, "preparing the extractor")):
        built = build_extractor(choice_of("extractor", name, registry), training)
    return built, f"features by {built.name}: {reason}"


def _scores(
    request: Request, registry: Registry, extractor: ChosenExtractor, held_out: bool
) -> tuple[list[ChosenScore], list[str]]:
    """Return the requested scores. Without a request, return all usable scores and a line for each other score."""
    names = registry.names("score") if request.scores is None else request.scores
    built = [build_score(choice_of("score", name, registry)) for name in names]
    if request.scores is None:
        return usable_scores(built, extractor.extractor, held_out)
    for chosen in built:
        reason = unusable(chosen, extractor.extractor, held_out)
        if reason:
            raise UserError(f"--scores: {chosen.component.name} cannot be used: {reason}")
    return built, []


def _class_scores(
    request: Request, registry: Registry, extractor: ChosenExtractor, held_out: bool
) -> list[ChosenScore] | None:
    """Return the scores of each class; None if the request leaves the classes out."""
    names = request.class_scores
    if names is None and request.scores is None:
        names = tuple(name for name in DEFAULT_SCORES if name in registry.names("score"))
    if names is None:
        return None
    scores = [build_score(choice_of("score", name, registry)) for name in names]
    for chosen in scores:
        reason = unusable_of_class(chosen, extractor.extractor, held_out)
        if reason:
            raise UserError(f"--class-scores: {chosen.component.name} cannot be used: {reason}")
    return scores


def _classes(
    request: Request,
    registry: Registry,
    images: EvaluatedImages,
    extractor: ChosenExtractor,
    scores: Sequence[ChosenScore] | None,
    report: TaskReport,
) -> ScoredClasses:
    """Return what was measured of each class; nothing if there are no classes or the request leaves them out."""
    if scores is None or images.generated is None:
        return ScoredClasses()
    optional, reals = request.class_scores is None, images.reals
    try:
        finder = class_finder(extractor, request.extractor, registry, reals, report)
        evaluator = ClassEvaluator(reals, extractor, scores, finder, optional, report)
        return evaluator.evaluate(images.generated, images.classes)
    except (ComponentError, UserError) as error:
        # What was measured of all images together must not be lost with it.
        if not optional:
            raise
        return ScoredClasses(failed=(f"the classes are missing from this evaluation: {error}",))


def _caveats(reals: Reals, samples: int, floor_samples: int) -> list[str]:
    caveats = {
        "train": "no images are held out of training (training.held_out), so samples are compared with half of the "
        "training images, and the other half gives the floor",
        "real": "samples are compared with half of the real images, and the other half gives the floor",
    }
    lines = [caveats[reals.split]] if reals.split in caveats else []
    if floor_samples < samples:
        lines.append(
            f"the floor uses {floor_samples} real images, because there are no more: with {samples}, as many as the "
            f"samples, it would be better. Use --samples {floor_samples} to compare equal numbers"
        )
    return lines
