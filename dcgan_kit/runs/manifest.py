"""The manifest: the list of a run's checkpoints, and the best one. Every reader validates it."""

from __future__ import annotations

import errno
import json
import re
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dcgan_kit.errors import RunError, printable
from dcgan_kit.files import read_regular
from dcgan_kit.runs.run_folder import RunFolder

MAX_MANIFEST_BYTES = 4 * 2**20
"""Most bytes; an entry has about two hundred, and a recipe keeps at most a thousand checkpoints."""
MAX_ENTRIES = 10_000
LARGEST = 2**53
"""Largest whole number; some JSON readers do not read larger ones exactly."""

NAME = re.compile(r"step-(?P<step>\d{9,16})(-again-(?P<again>\d{1,9}))?\.npz")
BEST = "best-"
"""Prefix of the file name of the best checkpoint."""


class Damaged(Exception):
    """A file is damaged; the message says what is wrong."""


@dataclass(frozen=True)
class Entry:
    """A checkpoint in the manifest.

    Attributes:
        file: name of the file in the folder of checkpoints.
        step: number of steps done.
        sha256: SHA-256 of the whole file; empty if the manifest could not be read.
        bytes: size of the file.
    """

    file: str
    step: int
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Best:
    """The best checkpoint; training does not remove it until a better one exists.

    Attributes:
        entry: its file.
        metric: name of the score or loss that judged it.
        value: the score at its step, or the mean loss since the checkpoint before.
        measured: full name of the score, which says how it was measured; empty for a loss.
    """

    entry: Entry
    metric: str
    value: float
    measured: str = ""


@dataclass(frozen=True)
class Manifest:
    """The checkpoints of a run: the newest ones, ordered from old to new, and the best one."""

    entries: tuple[Entry, ...] = ()
    best: Best | None = None

    def as_json(self) -> bytes:
        """Return the manifest as JSON."""
        best = None if self.best is None else asdict(self.best)
        data = {"version": 1, "checkpoints": [asdict(entry) for entry in self.entries], "best": best}
        return json.dumps(data, indent=2).encode() + b"\n"

    @staticmethod
    def from_json(content: bytes) -> Manifest:
        """Read what ``as_json`` wrote.

        Raises:
            Damaged: the content is not a valid manifest; the message says where and why.
        """
        try:
            found = _Manifest.model_validate(json.loads(content))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Damaged(printable(f"{where}: {first['msg']}" if where else first["msg"])[:300]) from error
        except (ValueError, RecursionError) as error:
            raise Damaged(printable(f"is no JSON: {error}")[:300]) from error
        one = found.best
        best = None if one is None else Best(_entry(one.entry), one.metric, one.value, one.measured)
        return Manifest(tuple(_entry(line) for line in found.checkpoints), best)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Line(_Strict):
    file: Annotated[str, Field(pattern=rf"^({BEST})?{NAME.pattern.replace('?P<step>', '').replace('?P<again>', '')}$")]
    step: Annotated[int, Field(ge=0, le=LARGEST)]
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    bytes: Annotated[int, Field(ge=0, le=LARGEST)]

    @model_validator(mode="after")
    def _of_its_step(self) -> _Line:
        match = NAME.fullmatch(self.file.removeprefix(BEST))
        if match is None or int(match["step"]) != self.step:
            raise ValueError(f"the file is of another step than {self.step}")
        return self


class _BestLine(_Strict):
    entry: _Line
    metric: Annotated[str, Field(min_length=1, max_length=200)]
    value: float
    measured: Annotated[str, Field(max_length=2000)]

    @model_validator(mode="after")
    def _kept_for_good(self) -> _BestLine:
        if not self.entry.file.startswith(BEST):
            raise ValueError(f"the file of the best checkpoint begins with {BEST}")
        return self


class _Manifest(_Strict):
    version: Annotated[int, Field(ge=1, le=1)]
    checkpoints: Annotated[list[_Line], Field(max_length=MAX_ENTRIES)]
    best: _BestLine | None

    @model_validator(mode="after")
    def _in_order(self) -> _Manifest:
        names = [line.file for line in self.checkpoints]
        if any(name.startswith(BEST) for name in names):
            raise ValueError("the best checkpoint is among the newest ones")
        if len(set(names)) < len(names):
            raise ValueError("a file is named twice")
        steps = [line.step for line in self.checkpoints]
        if steps != sorted(steps):
            raise ValueError("the checkpoints are not in order of their steps")
        return self


def _entry(line: _Line) -> Entry:
    return Entry(line.file, line.step, line.sha256, line.bytes)


def entries_of(run: RunFolder) -> list[Entry]:
    """Return the entries of a run's manifest, oldest first; without a valid manifest, build them from file names."""
    manifest = manifest_of(run)
    if manifest is not None:
        return list(manifest.entries)
    found = [match for file in run.checkpoints.glob("step-*.npz") if (match := NAME.fullmatch(file.name))]
    found.sort(key=lambda match: (int(match["again"] or 0), int(match["step"])))
    return [Entry(match.string, int(match["step"]), "", 0) for match in found]


def manifest_of(run: RunFolder) -> Manifest | None:
    """Return a run's manifest; None if there is none, or it is damaged."""
    try:
        return read_manifest(run)
    except Damaged:
        return None


def read_manifest(run: RunFolder) -> Manifest | None:
    """Return a run's manifest; None if there is none.

    Raises:
        Damaged: it is not a valid manifest.
        RunError: the file exists, but the system cannot read it.
    """
    try:
        return Manifest.from_json(read_regular(run.manifest_file, MAX_MANIFEST_BYTES, follow_links=False))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise Damaged(str(error.strerror)) from error
        raise RunError(f"{run.manifest_file}: cannot be read: {error.strerror or error}") from error


def write_manifest(run: RunFolder, manifest: Manifest) -> None:
    """Write a run's manifest atomically.

    Raises:
        RunError: the folder cannot be written.
    """
    run.write(run.manifest_file, manifest.as_json())
