"""The numbers that a study reads from a run: by name, where they come from, and the file that keeps them.

============================  ======================================================================================
name                          number
============================  ======================================================================================
``fd``                        a number of a score, in the features that ``dcgan-kit evaluate`` chooses
``fd@random_convolution``     the same in the features of another extractor
``fd@28x28x1``                the same after samples and real images were resized, so that models of different sizes can
                              be compared; also with an extractor, ``fd@random_convolution@28x28x1``
``PLACE/NAME``                a reading of a probe, e.g. ``generator.stage1.activation/dead``
``PLACE/NAME`` with ``*``     the mean of all readings that match, e.g. ``discriminator.*.activation/dead``
============================  ======================================================================================
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.components.contracts.score import Better
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.registry import Registry
from dcgan_kit.errors import RunError, UserError, did_you_mean, printable
from dcgan_kit.evaluation.request import size_of
from dcgan_kit.evaluation.selection import build_score, numbers_of_scores
from dcgan_kit.files import read_regular
from dcgan_kit.recipes.resolved import Choice

FILE = "readings.json"
MOST_BYTES = 4 * 2**20
VERSION = 1


@dataclass(frozen=True)
class Reading:
    """One number of one run.

    Attributes:
        value: the number of the samples or the networks; finite.
        floor: the number that real images get in their place, or None.
        better: which values are better; ``neither`` for readings of probes.
    """

    value: float
    floor: float | None = None
    better: Better = "neither"

    @property
    def goodness(self) -> float:
        """How good the number is: higher is better; NaN if neither higher nor lower numbers are."""
        if self.better == "floor" and self.floor is not None:
            return -abs(self.value - self.floor)
        signs: Mapping[str, float] = {"higher": 1.0, "lower": -1.0}
        return signs.get(self.better, math.nan) * self.value


@dataclass(frozen=True)
class Cost:
    """What a run cost.

    Attributes:
        parameters: trainable parameters of both networks.
        generator_parameters: those of the generator.
        multiply_accumulates: those of all training steps, see ``studies.budget``.
        seconds: from the start of training to its end, on the machine that trained it.
    """

    parameters: int
    generator_parameters: int
    multiply_accumulates: float
    seconds: float


@dataclass(frozen=True)
class View:
    """How a score sees images.

    Attributes:
        extractor: computes the features; None: the one that ``dcgan-kit evaluate`` chooses.
        size: ``HxWxC``, to which images are resized; None: they are not resized.
    """

    extractor: str | None = None
    size: str | None = None

    @property
    def spec(self) -> ImageSpec | None:
        """The size as numbers."""
        return None if self.size is None else size_of(self.size)

    def __str__(self) -> str:
        """Return what follows the name of a number."""
        return "".join(f"@{part}" for part in (self.extractor, self.size) if part is not None)


@dataclass(frozen=True)
class Wanted:
    """What must be computed to read some numbers.

    Attributes:
        scores: for each way to see images, the names of the scores.
        probes: whether probes are needed.
    """

    scores: Mapping[View, tuple[str, ...]]
    probes: bool


def expanded(names: Sequence[str], registry: Registry) -> tuple[str, ...]:
    """Return the names of numbers; the name of a score becomes the names of all its numbers.

    Raises:
        UserError: there is no such number, score or extractor.
    """
    of_scores = numbers_of_scores(registry)
    found: dict[str, None] = {}
    for name in (text.strip() for text in names):
        if not name.isprintable():
            raise UserError(f"{printable(name)}: holds characters that cannot be printed")
        if "/" in name:
            place, _, number = name.rpartition("/")
            if not place or not number:
                raise UserError(f"{name}: a reading of a probe is PLACE/NAME, as `dcgan-kit probe` prints them")
            found[name] = None
            continue
        bare, view = view_of(name)
        _require_extractor(name, view, registry)
        numbers = of_scores.get(bare) or tuple(number for of in of_scores.values() for number in of if number == bare)
        if not numbers:
            known = {*of_scores, *(number for of in of_scores.values() for number in of)}
            raise UserError(
                f"{name}: there is no such number or score.{did_you_mean(bare, known)} `dcgan-kit components list "
                "--kind score` lists scores; a reading of a probe is PLACE/NAME"
            )
        found.update(dict.fromkeys(f"{number}{view}" for number in numbers))
    return tuple(found)


def view_of(name: str) -> tuple[str, View]:
    """Return the number that a name starts with, and how it sees images. What is unknown is taken for an extractor."""
    bare, *rest = name.split("@")
    size = rest.pop() if rest and size_of(rest[-1]) else None
    return bare, View("@".join(rest) if rest else None, size)


def _require_extractor(name: str, view: View, registry: Registry) -> None:
    known = [component.name for component in registry.of_kind("extractor")]
    if view.extractor is not None and view.extractor not in known:
        raise UserError(
            f"{name}: there is no extractor {view.extractor!r}.{did_you_mean(view.extractor, known)} After a number, "
            "@EXTRACTOR chooses features, and @HxWxC (last) resizes images"
        )


def wanted(numbers: Iterable[str], registry: Registry) -> Wanted:
    """Return what must be computed for some expanded names."""
    owner = {number: score for score, of in reversed(numbers_of_scores(registry).items()) for number in of}
    scores: dict[View, dict[str, None]] = {}
    probes = False
    for name in numbers:
        if "/" in name:
            probes = True
            continue
        bare, view = view_of(name)
        scores.setdefault(view, {})[owner[bare]] = None
    return Wanted({view: tuple(names) for view, names in scores.items()}, probes)


def feature_space(name: str, registry: Registry, usual: str) -> str:
    """Return in what a number sees images: ``pixels``, the name of an extractor, or empty for a reading of a probe.

    Args:
        name: an expanded name.
        registry: the components.
        usual: the extractor that ``dcgan-kit evaluate`` chooses for these images.
    """
    if "/" in name:
        return ""
    bare, view = view_of(name)
    owner = next(score for score, of in numbers_of_scores(registry).items() if bare in of)
    component = registry.find("score", owner)
    score = build_score(Choice(component, dict(component.options()))).score
    return "pixels" if score.gathering.sees == "pixels" else view.extractor or usual


def matching(pattern: str, readings: Mapping[str, float]) -> list[float]:
    """Return the readings of probes that a name means: its own, or all that match a pattern with ``*``."""
    return [value for name, value in readings.items() if fnmatchcase(name, pattern)]


def mean_reading(pattern: str, readings: Mapping[str, float]) -> float:
    """Return the mean of the readings that a name means; there must be one."""
    values = matching(pattern, readings)
    return math.fsum(values) / len(values)


def unknown_reading(pattern: str, readings: Iterable[str]) -> str:
    """Return the message for a name that no probe has a reading for."""
    return f"{pattern}: no probe gives this reading here.{did_you_mean(pattern, readings)}"


@dataclass(frozen=True)
class Readings:
    """What was read from a finished run.

    Attributes:
        numbers: numbers by name.
        cost: what the run cost.
        findings: what probes and training found, a line each.
    """

    numbers: Mapping[str, Reading]
    cost: Cost
    findings: tuple[str, ...] = ()

    def as_json(self) -> bytes:
        """Return the content of the file."""
        data = {
            "version": VERSION,
            "numbers": {
                name: {"value": one.value, "floor": one.floor, "better": one.better}
                for name, one in self.numbers.items()
            },
            "cost": vars(self.cost),
            "findings": list(self.findings),
        }
        return (json.dumps(data, indent=2, allow_nan=False) + "\n").encode()


class _Number(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    value: float
    floor: float | None
    better: Better


class _Cost(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    parameters: Annotated[int, Field(ge=0)]
    generator_parameters: Annotated[int, Field(ge=0)]
    multiply_accumulates: Annotated[float, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    version: int
    numbers: Annotated[dict[str, _Number], Field(max_length=10_000)]
    cost: _Cost
    findings: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=10_000)]


def read_readings(run: Path) -> Readings | None:
    """Return what was read from a run; None if nothing was.

    Raises:
        RunError: the file is no such file.
    """
    file = run / FILE
    try:
        content = read_regular(file, MOST_BYTES, follow_links=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}. Delete it to read again") from error
    try:
        found = _File.model_validate_json(content)
    except ValidationError as error:
        problem: Any = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise RunError(
            f"{file}: is not a file of readings: {place}: {problem['msg']}. Delete it to read again"
        ) from error
    numbers = {name: Reading(one.value, one.floor, one.better) for name, one in found.numbers.items()}
    return Readings(numbers, Cost(**found.cost.model_dump()), tuple(found.findings))
