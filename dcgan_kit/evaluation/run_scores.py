"""Scores of images, of those that are asked for by name or all that can be had, as an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.registry import Registry
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import UserError
from dcgan_kit.evaluation.calibration import Calibration, calibrate
from dcgan_kit.evaluation.evaluator import Evaluator, Reals, Tell
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
    usable_scores,
)

Note = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """The images that are judged, and what with.

    Attributes:
        of: what these are, for people and programs: a run with its step, or a path.
        batches: uint8 pixels (N, H, W, C) each.
        samples: how many images the batches hold.
        reals: the real images.
        source: name of the data component that they come from; empty: of none.
        notes: what people should know of them.
        resized: whether images were brought to their size for the purpose.
    """

    of: Mapping[str, Any]
    batches: Iterable[Any]
    samples: int
    reals: Reals
    source: str = ""
    notes: Sequence[str] = ()
    resized: bool = False


def evaluate(request: Request, registry: Registry, judged: Judged, tell: Tell, note: Note) -> Evaluation:
    """Measure what is asked for.

    A score that nobody named and that fails leaves a gap and a line in ``failed``.

    Args:
        request: what is asked for.
        registry: has its components.
        judged: the images.
        tell: takes how far it is.
        note: takes what people should know while it runs.

    Raises:
        UserError: a score or the extractor cannot be had with these images.
        ComponentError: a component that was named failed.
    """
    reals = judged.reals
    extractor, why = _extractor(request, registry, reals.training, judged.source, tell)
    scores, left_out = _scores(request, registry, extractor, reals.held_out)
    optional = request.scores is None
    evaluator = Evaluator(reals, extractor, scores, judged.samples, judged.resized, optional, tell, note)
    numbers = evaluator.evaluate(judged.batches)
    caveats = _caveats(reals, judged.samples, evaluator.floor_samples)
    lines = [*judged.notes, *evaluator.failed, why, *left_out, *caveats]
    return Evaluation(judged.of, numbers, tuple(lines), tuple(evaluator.failed))


def calibration(
    request: Request, registry: Registry, images: Images, source: str, tell: Tell, note: Note
) -> Calibration:
    """Measure images, and the same with known faults.

    Args:
        request: what is asked for.
        registry: has its components.
        images: the images.
        source: name of the data component that they come from.
        tell: takes how far it is.
        note: takes which extractor it is, and which scores are left out.

    Raises:
        UserError: a score or the extractor cannot be had with these images.
        ComponentError: a component failed.
    """
    extractor, why = _extractor(request, registry, images, source, tell)
    scores, left_out = _scores(request, registry, extractor, held_out=True)
    for line in (why, *left_out):
        note(line)
    return calibrate(images, extractor, scores, request.samples, tell)


def _extractor(
    request: Request, registry: Registry, training: Images, source: str, tell: Tell
) -> tuple[ChosenExtractor, str]:
    """Build the extractor; return it, and a line that says which it is and why."""
    name, why = (request.extractor, "as asked for") if request.extractor else default_extractor(training, source)
    with reporting_to(partial(tell, "preparing the extractor")):
        built = build_extractor(choice_of("extractor", name, registry), training)
    return built, f"features by {built.name}: {why}"


def _scores(
    request: Request, registry: Registry, extractor: ChosenExtractor, held_out: bool
) -> tuple[list[ChosenScore], list[str]]:
    """Return the scores that were asked for; if none were, all that can be had, and a line for each that cannot."""
    names = registry.names("score") if request.scores is None else request.scores
    built = [build_score(choice_of("score", name, registry)) for name in names]
    if request.scores is None:
        return usable_scores(built, extractor.extractor, held_out)
    for chosen in built:
        reason = unusable(chosen, extractor.extractor, held_out)
        if reason:
            raise UserError(f"--scores: {chosen.component.name} cannot be had: {reason}")
    return built, []


def _caveats(reals: Reals, samples: int, floor_samples: int) -> list[str]:
    caveats = {
        "train": "no images are held out of training (training.held_out): samples are compared with half of those that "
        "the generator was trained on, and the floor is that of the other half",
        "real": "samples are compared with half of the real images, and the floor is that of the other half",
    }
    lines = [caveats[reals.split]] if reals.split in caveats else []
    if floor_samples < samples:
        lines.append(
            f"the floor is that of {floor_samples} real images, as there are no more: for as many as the {samples} "
            f"samples it would be better. With --samples {floor_samples} both are alike"
        )
    return lines
