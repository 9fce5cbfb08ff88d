"""Evaluations: as JSON, read from files, and compared with other evaluations."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.components.contracts.score import Better
from dcgan_kit.errors import RunError, printable
from dcgan_kit.evaluation.class_scores import ClassScores
from dcgan_kit.evaluation.evaluator import Number
from dcgan_kit.evaluation.judges import Judgement, against, disagreement
from dcgan_kit.evaluation.protocol import Protocol, require_comparable
from dcgan_kit.files import read_regular

BETTER = {"lower": "lower", "higher": "higher", "floor": "as real images", "neither": ""}
"""Text for tables: which values of a number are better."""
VERSION = 1
FILE = "evaluation.json"
MOST = 16 * 2**20
"""Largest number of bytes to read from a file; a usual evaluation has about ten thousand."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of one set of images.

    Attributes:
        of: the evaluated images: a run with its step, or a path.
        numbers: every number.
        notes: remarks for the reader.
        failed: the notes about failed scores that were not requested by name.
        classes: the numbers of each class, in order of the classes; empty if none were asked for.
        judges: what each judge found; empty if they were not asked.
    """

    of: Mapping[str, Any]
    numbers: tuple[Number, ...]
    notes: tuple[str, ...]
    failed: tuple[str, ...] = ()
    classes: tuple[ClassScores, ...] = ()
    judges: tuple[Judgement, ...] = ()

    def __getitem__(self, number: str) -> float:
        """Return the value of a number by its short name, e.g. ``evaluation["fd"]``.

        Raises:
            KeyError: there is no such number in the evaluation.
        """
        return {one.number: one.value for one in self.numbers}[number]

    def columns(self, before: Evaluation | None = None) -> dict[str, list[str]]:
        """Return a table as columns of text: number, samples, real images, better.

        Args:
            before: another evaluation; its values become a column ``before``.

        Raises:
            UserError: a number has another protocol there; the message says what differs.
        """
        known = {} if before is None else set_against(self.numbers, before)
        columns = {
            "number": [number.number for number in self.numbers],
            "samples": [shown(number.value) for number in self.numbers],
            "before": [shown(known.get(number.number)) for number in self.numbers],
            "real images": ["" if number.floor is None else shown(number.floor) for number in self.numbers],
            "better": [BETTER[number.better] for number in self.numbers],
        }
        return {name: cells for name, cells in columns.items() if name != "before" or before is not None}

    def table(self) -> str:
        """Return the numbers as a text table, each with its floor in the column ``real images``."""
        columns = self.columns()
        widths = {name: max(map(len, (name, *cells))) for name, cells in columns.items()}
        rows = [list(columns), *zip(*columns.values(), strict=True)]
        left = ("number", "better")
        return "\n".join(
            "  ".join(
                cell.ljust(widths[name]) if name in left else cell.rjust(widths[name])
                for name, cell in zip(columns, row, strict=True)
            ).rstrip()
            for row in rows
        )

    def judge_columns(self, before: Evaluation | None = None) -> dict[str, list[str]]:
        """Return a table of the judges as columns of text: judge, sees, number, samples, real images, times real.

        Args:
            before: another evaluation; the values of its judges become a column ``before``.

        Raises:
            UserError: a number has another protocol there; the message says what differs.
        """
        rows = [(one, number) for one in self.judges for number in one.numbers]
        known = {} if before is None else _judged_before(self.judges, before.judges)
        columns = {
            "judge": [one.judge if number is one.numbers[0] else "" for one, number in rows],
            "sees": [one.sees if number is one.numbers[0] else "" for one, number in rows],
            "number": [number.number for _, number in rows],
            "samples": [shown(number.value) for _, number in rows],
            "before": [shown(known.get((one.judge, number.number))) for one, number in rows],
            "real images": [shown(number.floor) for _, number in rows],
            "times real": [
                f"{one.times_real:.3g}" if number is one.numbers[0] and one.times_real is not None else ""
                for one, number in rows
            ],
        }
        return {name: cells for name, cells in columns.items() if name != "before" or known}

    def disagreement(self, before: Evaluation | None = None, name: str = "before") -> tuple[str, ...]:
        """Return in words where the judges disagree; empty if they were not asked.

        Args:
            before: another evaluation, which these samples are compared with.
            name: what to call it.
        """
        more = () if before is None else against(self.judges, before.judges, name)
        return (*disagreement(self.judges), *more)

    def class_columns(self) -> dict[str, list[str]]:
        """Return a table of the classes as columns of text: class, samples, real images, and two for each number.

        The first of the two is for the samples, the second for real images in their place.
        """
        columns = {
            "class": [f"{one.label} {one.name}".strip() for one in self.classes],
            "samples": [str(one.samples) for one in self.classes],
            "real images": [str(one.references) for one in self.classes],
        }
        known = {number.number: number for one in self.classes for number in one.numbers}
        for name in (name for name, number in known.items() if number.better != "neither"):
            columns[name] = [_in_class(one.numbers, name, "value") for one in self.classes]
            columns[f"{name}, real"] = [_in_class(one.numbers, name, "floor") for one in self.classes]
        return columns

    def as_data(self) -> dict[str, Any]:
        """Return the evaluation as a mapping for JSON."""
        classes = [
            {
                "class": one.label,
                "name": one.name,
                "samples": one.samples,
                "references": one.references,
                "numbers": list(map(_number_data, one.numbers)),
            }
            for one in self.classes
        ]
        judges = [
            {"judge": one.judge, "sees": one.sees, "numbers": list(map(_number_data, one.numbers))}
            for one in self.judges
        ]
        return {
            "version": VERSION,
            "of": dict(self.of),
            "numbers": list(map(_number_data, self.numbers)),
            **({"classes": classes} if classes else {}),
            **({"judges": judges} if judges else {}),
            "notes": list(self.notes),
        }


def _number_data(number: Number) -> dict[str, Any]:
    return {
        "name": number.name,
        "number": number.number,
        "value": number.value,
        "floor": number.floor,
        "floor_samples": number.floor_samples,
        "better": number.better,
        "protocol": number.protocol.as_data(),
    }


def _in_class(numbers: Sequence[Number], name: str, side: Literal["value", "floor"]) -> str:
    """Return a number as text; if it has an interval, its ends follow."""
    values = {number.number: getattr(number, side) for number in numbers}
    ends = [values.get(f"{name}_{end}") for end in ("low", "high")]
    text = shown(values.get(name))
    return text if None in ends else f"{text} ({ends[0]:.2f} to {ends[1]:.2f})"


def shown(value: float | None) -> str:
    """Return a number as text with four significant digits; ``-`` for None."""
    return "-" if value is None else f"{value:.4g}"


def file_name(best: bool, raw: bool, size: str | None = None) -> str:
    """Return the name of the evaluation file in a run folder, e.g. ``evaluation-best-raw-28x28x1.json``."""
    parts = [Path(FILE).stem, *["best"] * best, *["raw"] * raw, *([] if size is None else [size])]
    return Path(FILE).with_stem("-".join(parts)).name


def read_evaluation(path: Path) -> Evaluation:
    """Read an evaluation from a run folder or from a JSON file.

    Raises:
        RunError: there is no such file, or it is no evaluation: not a regular file, larger than 16 MiB, or of other
            content.
    """
    file = path / FILE if path.is_dir() else path
    # A run folder may come from another person, so links in it are not followed. A path comes from the user.
    follow = file == path
    try:
        data = json.loads(read_regular(file, MOST, follow_links=follow))
        version = data.get("version") if isinstance(data, dict) else None
        if type(version) is int and version != VERSION:
            raise RunError(f"{file}: has version {version!r:.20}, but this dcgan-kit reads version {VERSION}")
        found = _Evaluation.model_validate(data)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RunError(f"{file}: {error.strerror}, so it is no evaluation of dcgan-kit") from error
        if not path.exists():
            raise RunError(f"{path}: there is no such file or folder") from error
        reason = error.strerror or error
        raise RunError(f"{file}: cannot be read: {reason}. `dcgan-kit evaluate RUN` writes one") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = printable(f"{place}: {first['msg']}")[:300]
        raise RunError(f"{file}: is no evaluation of dcgan-kit ({message})") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file}: is no evaluation of dcgan-kit ({printable(str(error))[:300]})") from error
    classes = tuple(
        ClassScores(item.label, item.name, item.samples, item.references, _numbers(item.numbers))
        for item in found.classes
    )
    judges = tuple(Judgement(item.judge, item.sees, _numbers(item.numbers)) for item in found.judges)
    return Evaluation(found.of, _numbers(found.numbers), tuple(found.notes), classes=classes, judges=judges)


def _numbers(items: Sequence[_Number]) -> tuple[Number, ...]:
    return tuple(
        Number(
            number=item.number,
            value=item.value,
            floor=item.floor,
            better=item.better,
            protocol=Protocol(**item.protocol.model_dump()),
            floor_samples=item.floor_samples,
        )
        for item in items
    )


_Text = Annotated[str, Field(max_length=2000)]
_Count = Annotated[int, Field(ge=0, le=2**53)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Protocol(_Strict):
    options: _Text
    extractor: _Text
    images: _Text
    samples: _Count
    references: _Count
    split: _Text
    fingerprint: _Text


class _Number(_Strict):
    number: Annotated[str, Field(min_length=1, max_length=2000)]
    value: float
    floor: float | None
    better: Better
    protocol: _Protocol
    floor_samples: _Count


class _Class(_Strict):
    label: Annotated[_Count, Field(alias="class")]
    name: _Text
    samples: _Count
    references: _Count
    numbers: Annotated[list[_Number], Field(max_length=1000)]


class _Judgement(_Strict):
    judge: _Text
    sees: _Text
    numbers: Annotated[list[_Number], Field(min_length=1, max_length=1000)]


class _Evaluation(_Strict):
    version: Annotated[int, Field(ge=1, le=1)]
    of: dict[_Text, Any]
    numbers: Annotated[list[_Number], Field(max_length=10_000)]
    notes: Annotated[list[_Text], Field(max_length=10_000)]
    classes: Annotated[list[_Class], Field(max_length=100_000)] = []
    judges: Annotated[list[_Judgement], Field(max_length=1000)] = []


def set_against(numbers: Sequence[Number], before: Evaluation) -> dict[str, float]:
    """Return the earlier value of each number, by its short name. Numbers without an earlier value are left out.

    Raises:
        UserError: a number had another protocol before; the message says what differs.
    """
    known = {number.number: number for number in before.numbers}
    both = [(known[number.number], number) for number in numbers if number.number in known]
    for old, new in both:
        require_comparable(new.number, old.protocol, new.protocol)
    return {old.number: old.value for old, _ in both}


def _judged_before(judges: Sequence[Judgement], before: Sequence[Judgement]) -> dict[tuple[str, str], float]:
    """Return the earlier value of each number of each judge, by the names of the judge and the number."""
    known = {(one.judge, number.number): number for one in before for number in one.numbers}
    both = [(one.judge, number) for one in judges for number in one.numbers if (one.judge, number.number) in known]
    for judge, number in both:
        require_comparable(number.number, known[judge, number.number].protocol, number.protocol)
    return {(judge, number.number): known[judge, number.number].value for judge, number in both}
