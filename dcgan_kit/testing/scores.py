"""The checks of extractors and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.score import Extractor, Features, Gathering, Score, ScoreInputs
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.kinds import Shape
from dcgan_kit.evaluation.selection import broken_extractor
from dcgan_kit.testing.complaints import built, called, finite, require, require_returned

_IMAGES: Shape = (28, 28, 1)
_COUNT = 96
_CLASSES = 4
_FEATURES = 12


def check_extractor(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, _: bool) -> None:
    """Check an extractor.

    Its features must be finite, the same at each call, and independent of the other images in the batch. Its key must
    stay the same.
    """
    for shape in shapes or (_IMAGES,):
        where = f"{component} of {shape}"
        images = Images(_pixels(0, _COUNT, shape), np.arange(_COUNT) % _CLASSES)
        first, again = (built(component, images, options, where) for _ in range(2))
        complaint = broken_extractor(first)
        require(not complaint, f"{where}: must return a dcgan_kit.Extractor: {complaint}")
        require(first.key == again.key, f"{where}: its key must be the same for the same images and options")
        pixels = _pixels(1, 7, shape)
        description = called(where, first.describe, pixels)
        _check_description(where, description, len(pixels), first.classifies)
        _check_learned_labels(where, first, description)
        parts = [called(where, first.describe, part) for part in (pixels[:2], pixels[2:])]
        joined = np.concatenate([part.features for part in parts])
        # Rounding may differ with another batch size.
        same = np.allclose(description.features, joined, rtol=1e-4, atol=1e-4 * np.abs(joined).max())
        require(same, f"{where}: the features of an image must not depend on the rest of the batch")
        repeated = called(where, again.describe, pixels).features
        require(
            np.allclose(description.features, repeated, rtol=1e-4),
            f"{where}: must give the same features for an image each time",
        )


def _check_description(where: str, description: Any, count: int, classifies: bool) -> None:
    is_one = isinstance(description, Features)
    require(is_one, f"{where}: describe must return a dcgan_kit.Features. Received: {description!r:.100}")
    features = np.asarray(description.features)
    matrix = features.ndim == 2 and len(features) == count and features.dtype in (np.float32, np.float64)
    shown = f"{features.dtype} {features.shape}"
    require(matrix, f"{where}: features must be float32 or float64 ({count}, D). Received: {shown}")
    require(finite(features), f"{where}: features must be finite")
    has_probabilities = description.probabilities is not None
    require(
        has_probabilities == classifies, f"{where}: it must return probabilities if and only if 'classifies' is True"
    )
    if has_probabilities:
        p = np.asarray(description.probabilities)
        valid = (
            p.ndim == 2 and len(p) == count and bool((p >= 0.0).all()) and np.allclose(p.sum(axis=1), 1.0, atol=1e-3)
        )
        require(valid, f"{where}: rows of probabilities must be 0 or more and sum to 1")


def _check_learned_labels(where: str, extractor: Extractor, description: Features) -> None:
    if not extractor.learned_labels:
        return
    require(extractor.classifies, f"{where}: with 'learned_labels' it must return probabilities")
    columns = np.asarray(description.probabilities).shape[1]
    learned = f"{where}: with 'learned_labels' it must return one probability for each of the {_CLASSES} labels"
    require(columns == _CLASSES, f"{learned} that it was built for. Received: {columns}")


def check_score(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, _: bool) -> None:
    """Check a score.

    Its numbers must be finite, listed in ``better``, and independent of the batch size. It must not change its inputs.
    """
    for shape in shapes or (_IMAGES,):
        where = f"{component} of {shape}"
        score = built(component, None, options, where)
        require_returned(component, score, isinstance(score, Score) and isinstance(score.gathering, Gathering))
        known = set(score.better.values()) <= {"lower", "higher", "floor", "neither"}
        fewest = score.fewest_of_class
        require(fewest is None or fewest >= 0, f"{where}: 'fewest_of_class' must be 0 or more, or None")
        require(bool(score.better) and known, f"{where}: 'better' must give the better direction of each number")
        same = built(component, None, options, where).gathering == score.gathering
        require(
            same, f"{where}: its gathering must be equal at each call, because summaries are shared and cached by it"
        )
        numbers, parts = (_compared(where, score, shape, batch) for batch in (_COUNT, 17))
        require(set(numbers) <= set(score.better), f"{where}: returned {sorted(numbers)}, and 'better' lists others")
        require(bool(numbers), f"{where}: returned no number")
        for name, value in numbers.items():
            number = isinstance(value, float) and finite(value)
            require(number, f"{where}: {name} must be a finite float. Received: {value!r:.100}")
            close = np.isclose(value, parts[name], rtol=1e-6, atol=1e-6)
            require(bool(close), f"{where}: {name} must not depend on the sizes of batches")


def _compared(where: str, score: Score, shape: Shape, batch: int) -> Mapping[str, float]:
    fake, reference, training = (_summary(where, score.gathering, seed, shape, batch) for seed in (0, 1, 2))
    before = {name: array.copy() for name, array in reference.items()}
    sides = ScoreInputs(fake, reference, training if score.needs_training else None)
    numbers = called(where, score.compare, sides)
    require(isinstance(numbers, Mapping), f"{where}: compare must return numbers by name. Received: {numbers!r:.100}")
    unchanged = all(np.array_equal(before[name], reference[name]) for name in before)
    require(unchanged, f"{where}: compare must not change the summaries, which are used again")
    return numbers  # type: ignore[no-any-return]


def _summary(where: str, gathering: Gathering, seed: int, shape: Shape, batch: int) -> dict[str, Any]:
    pixels, random = _pixels(seed, _COUNT, shape), np.random.default_rng(seed)
    features = random.standard_normal((_COUNT, _FEATURES)).astype(np.float32)
    probabilities = random.dirichlet(np.ones(_CLASSES), _COUNT)
    accumulator = called(where, gathering.start)
    able = callable(getattr(accumulator, "add", None)) and callable(getattr(accumulator, "summary", None))
    require(able, f"{where}: start must return an accumulator, with add and summary. Received: {accumulator!r:.100}")
    for start in range(0, _COUNT, batch):
        part = slice(start, start + batch)
        description = Features(features[part].copy(), probabilities[part].copy())
        called(where, accumulator.add, pixels[part].copy(), description)
    summary = called(where, accumulator.summary)
    plain = isinstance(summary, dict) and all(
        isinstance(a, np.ndarray) and a.dtype.kind in "fiub" for a in summary.values()
    )
    require(plain, f"{where}: a summary must be NumPy arrays of numbers by name, which a file can hold without pickle")
    return summary  # type: ignore[no-any-return]


def _pixels(seed: int, count: int, shape: Shape) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
