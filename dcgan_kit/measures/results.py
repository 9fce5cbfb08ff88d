"""An evaluation as JSON writes it, read again, and set against another one."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError
from dcgan_kit.measures.evaluating import Number
from dcgan_kit.measures.protocol import Protocol, require_comparable

VERSION = 1
FILE = "evaluation.json"
MOST = 16 * 2**20
"""Bytes of a file that is read; an evaluation has some ten thousand."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one set of images.

    Attributes:
        of: what these are, for people and programs: a run with its step, or a path.
        numbers: every number.
        notes: what people should know of it.
    """

    of: Mapping[str, Any]
    numbers: tuple[Number, ...]
    notes: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return what JSON can write."""
        return {
            "version": VERSION,
            "of": dict(self.of),
            "numbers": [
                {
                    "name": number.name,
                    "number": number.number,
                    "value": number.value,
                    "floor": number.floor,
                    "floor_samples": number.floor_samples,
                    "better": number.better,
                    "protocol": number.protocol.as_data(),
                }
                for number in self.numbers
            ],
            "notes": list(self.notes),
        }


def file_name(best: bool, raw: bool) -> str:
    """Return the name of the file in a run folder for an evaluation of these networks of the run."""
    return Path(FILE).with_stem("-".join([Path(FILE).stem, *["best"] * best, *["raw"] * raw])).name


def read_evaluation(path: Path) -> Evaluation:
    """Read what ``as_data`` wrote, in a run folder or a file of its own.

    Raises:
        RunError: there is none, or it is something else: no ordinary file, larger than 16 MiB, or of other content.
    """
    file = path / FILE if path.is_dir() else path
    try:
        data = json.loads(_content(file))
        if data["version"] != VERSION:
            raise RunError(f"{file}: is of version {data['version']!r}, and this dcgan-kit reads {VERSION}")
        numbers = tuple(
            Number(
                number=str(item["number"]),
                value=float(item["value"]),
                floor=None if item["floor"] is None else float(item["floor"]),
                better=item["better"],
                protocol=Protocol.from_data(item["protocol"]),
                floor_samples=int(item["floor_samples"]),
            )
            for item in data["numbers"]
        )
        return Evaluation(data["of"], numbers, tuple(data["notes"]))
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror}. `dcgan-kit evaluate RUN` writes one") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RunError(f"{file}: is no evaluation of dcgan-kit ({type(error).__name__}: {error})") from error


def _content(file: Path) -> bytes:
    # Without O_NONBLOCK a pipe would be waited for, without end if nobody writes.
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise RunError(f"{file}: is no ordinary file. `dcgan-kit evaluate RUN` writes one")
        content = stream.read(MOST + 1)
    if len(content) > MOST:
        raise RunError(f"{file}: is larger than {MOST // 2**20} MiB, and so is no evaluation of dcgan-kit")
    return content


def set_against(numbers: Sequence[Number], before: Evaluation) -> dict[str, float]:
    """Return the value that each number had before, by its short name; those that were not measured are left out.

    Raises:
        UserError: one was measured otherwise; the message says what differs.
    """
    known = {number.number: number for number in before.numbers}
    both = [(known[number.number], number) for number in numbers if number.number in known]
    for old, new in both:
        require_comparable(new.number, old.protocol, new.protocol)
    return {old.number: old.value for old, _ in both}
