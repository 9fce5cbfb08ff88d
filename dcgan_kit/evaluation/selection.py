"""Choice of the extractor and the scores: by name with options, or by what the images allow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.score import Extractor, Score
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.registry import Registry, UnknownComponent
from dcgan_kit.errors import ComponentError, UserError, did_you_mean
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.recipes.yaml_scalars import resolved

_OPTION = re.compile(r":(?=[a-z_][a-z0-9_]*=)")
_KEY = re.compile(r"[\w.+-]+")
EMBEDDED = ("fashion_mnist_4k", (28, 28, 1))
"""The data component and the shape of the images that fashion_classifier was trained on."""


@dataclass(frozen=True)
class ChosenExtractor:
    """An extractor that was built.

    Attributes:
        component: the component that made it.
        name: ``NAME@KEY``, for the names of numbers.
        extractor: the extractor.
    """

    component: Component
    name: str
    extractor: Extractor


@dataclass(frozen=True)
class ChosenScore:
    """A score that was built.

    Attributes:
        component: the component that made it.
        options: options that differ from their defaults, e.g. ``k=5``.
        score: the score.
    """

    component: Component
    options: str
    score: Score


def choice_of(kind: str, text: str, registry: Registry) -> Choice:
    """Parse ``NAME`` or ``NAME:option=value:option=value``.

    Raises:
        UserError: there is no such component or option, or the option does not take this value.
    """
    name, *texts = _OPTION.split(text)
    try:
        component = registry.find(kind, name)
    except UnknownComponent as error:
        of_scores = numbers_of_scores(registry) if kind == "score" else {}
        scores = [score for score, numbers in of_scores.items() if name in numbers]
        if scores:
            raise UserError(f"unknown score {name!r}: that is a number of the score {' or '.join(scores)}") from error
        raise
    values = {key: resolved(value) for key, _, value in (option.partition("=") for option in texts)}
    for option in values:
        if option not in component.options.model_fields:
            raise UserError(f"{text}: no option {option!r}.{did_you_mean(option, component.options.model_fields)}")
    try:
        options = component.options(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{text}: option {place!r}: {first['msg']} (given: {first['input']!r})") from error
    return Choice(component, dict(options))


def numbers_of_scores(registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return the short names of the numbers that each score gives with its default options, by name of the score.

    A third-party score that cannot be built is left out.
    """
    found = {}
    for component in registry.of_kind("score"):
        with suppress(ComponentError, ValidationError):
            found[component.name] = tuple(build_score(Choice(component, dict(component.options()))).score.better)
    return found


def build_extractor(choice: Choice, training: Images) -> ChosenExtractor:
    """Build an extractor for the given training images.

    Raises:
        ComponentError: the extractor cannot be built for them, or its factory broke the contract.
        UserError: the extractor needs something that is missing.
    """
    made = choice.build(training)
    complaint = broken_extractor(made)
    if complaint:
        raise ComponentError(f"{choice.component} must return {KINDS['extractor'].returns}: {complaint}")
    return ChosenExtractor(choice.component, f"{choice.component.name}@{made.key}", made)


def broken_extractor(made: Any) -> str:
    """Check the return value of an extractor's factory. Return the problem; empty if there is none."""
    if not isinstance(made, Extractor) or not callable(made.describe):
        return f"received {made!r:.100}"
    if not isinstance(made.key, str) or not _KEY.fullmatch(made.key):
        return f"its key may have letters, digits and . _ + -, one at least; received {made.key!r:.100}"
    return ""


def build_score(choice: Choice) -> ChosenScore:
    """Build a score.

    Raises:
        ComponentError: its factory failed or broke the contract.
    """
    made = choice.build()
    if not isinstance(made, Score):
        raise ComponentError(f"{choice.component} must return {KINDS['score'].returns}: received {made!r:.100}")
    return ChosenScore(choice.component, _changed_options(choice), made)


def default_extractor(images: Images, source: str, size: tuple[int, int, int] | None = None) -> tuple[str, str]:
    """Return the name of the default extractor for images, and the reason for this choice.

    Args:
        images: the training images.
        source: name of the data component that they come from.
        size: (height, width, channels) to which they will be resized; None: they will not.
    """
    if is_embedded(images, source, size):
        return "fashion_classifier", "it learned from these images"
    if images.labels is not None and (images.labels != images.labels[0]).any():
        return "self_classifier", "it learns from the labels of these images"
    return "random_convolution", "there are no labels to learn from"


def is_embedded(images: Images, source: str, size: tuple[int, int, int] | None = None) -> bool:
    """Return whether images are the embedded ones, at the size of the shipped extractors; see ``default_extractor``."""
    return (source, size or images.pixels.shape[1:]) == EMBEDDED


def usable_scores(
    scores: Sequence[ChosenScore], extractor: Extractor, held_out: bool
) -> tuple[list[ChosenScore], list[str]]:
    """Return the scores that the extractor and the images allow, and a line for each score that is left out."""
    usable, notes = [], []
    for chosen in scores:
        reason = unusable(chosen, extractor, held_out)
        if reason:
            notes.append(f"{chosen.component.name} is left out: {reason}")
        else:
            usable.append(chosen)
    return usable, notes


def unusable(chosen: ChosenScore, extractor: Extractor | None, held_out: bool) -> str:
    """Return why a score cannot be used; empty if it can. Without an extractor, its requirements are not checked."""
    if extractor is not None and chosen.score.gathering.sees == "probabilities" and not extractor.classifies:
        return "it needs class probabilities, and the extractor knows no classes"
    if chosen.score.needs_training and not held_out:
        return "it needs images that were held out of training (training.held_out in a recipe)"
    return ""


def unusable_of_class(chosen: ChosenScore, extractor: Extractor, held_out: bool) -> str:
    """Return why a score cannot be used for the images of one class; empty if it can."""
    if chosen.score.fewest_of_class is None:
        return "it says nothing about the images of a single class"
    return unusable(chosen, extractor, held_out)


class NoValue(ComponentError):
    """A score has no value for these images: there are too few, or they are too small."""


def measuring(component: Component, doing: str) -> AbstractContextManager[None]:
    """Guard a call of a function of an extractor or a score, and convert its errors.

    Raises:
        NoValue: the function raised a ValueError with a message.
        ComponentError: the function raised any other error. A UserError passes unchanged.
    """
    return guarded(component, doing, refusing=NoValue)


def _changed_options(choice: Choice) -> str:
    fields = choice.component.options.model_fields
    return ";".join(f"{name}={value}" for name, value in choice.options.items() if value != fields[name].default)
