"""The trials of a search: the parameters of each, written before it runs, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.errors import RunError
from dcgan_kit.files import open_regular, read_regular, write_whole
from dcgan_kit.runs.run_folder import MAX_LINE_BYTES, RunFolder
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.search_space import Setting

if TYPE_CHECKING:
    from dcgan_kit.studies.results import RunResult

MOST_BYTES = 2**20
MOST_REPORTS = 100_000
State = Literal["complete", "pruned", "failed"]
Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]


class TrialRecord(BaseModel):
    """What was decided about a trial before it ran.

    Attributes:
        number: its number, from 0.
        settings: the chosen value of each key.
        identities: the identities of its runs, by seed.
        optuna: the version of Optuna that chose.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)
    number: Annotated[int, Field(ge=0)]
    settings: dict[str, Setting]
    identities: list[Identity]
    optuna: str


@dataclass(frozen=True)
class Trial:
    """A trial that ended.

    Attributes:
        number: its number, from 0.
        settings: the chosen value of each key.
        state: how it ended.
        value: the objective, as a mean over its runs; None if it is not complete.
        reports: what training measured at intervals, by step; of a pruned trial, up to the step that decided.
        runs: its runs, by seed.
    """

    number: int
    settings: Mapping[str, Setting]
    state: State
    value: float | None
    reports: Mapping[int, float] = field(default_factory=dict)
    runs: tuple[RunResult, ...] = ()

    @property
    def failure(self) -> str:
        """Why it failed, in one line; empty if it did not."""
        return next((run.failure for run in self.runs if run.failure), "")


def trial_file(folder: Path, number: int) -> Path:
    """Return the file of a trial in the folder of a search."""
    return folder / "trials" / f"{number:04}.json"


def read_record(folder: Path, number: int) -> TrialRecord | None:
    """Return what was decided about a trial; None if nothing was.

    Raises:
        RunError: the file is no such file.
    """
    file = trial_file(folder, number)
    try:
        found = TrialRecord.model_validate_json(read_regular(file, MOST_BYTES, follow_links=False))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise RunError(f"{file}: is not the file of a trial. Restore it, or begin in another folder") from error
    if found.number != number:
        raise RunError(f"{file}: is the file of trial {found.number}. Restore it, or begin in another folder")
    return found


def write_record(folder: Path, record: TrialRecord) -> None:
    """Write what was decided about a trial.

    Raises:
        RunError: it cannot be written.
    """
    file = trial_file(folder, record.number)
    with writing(file):
        write_whole(file, (json.dumps(record.model_dump(), indent=1, allow_nan=False) + "\n").encode())


def read_reports(run: Path, objective: str) -> dict[int, float]:
    """Return what training has measured of a number so far, by step in rising order.

    Args:
        run: the run folder.
        objective: short name of the number; what follows an ``@`` does not count.
    """
    short = objective.partition("@")[0]
    found: dict[int, float] = {}
    try:
        stream = open_regular(RunFolder(run).metrics_file, follow_links=False)
    except OSError:
        return found
    with stream:
        while (line := stream.readline(MAX_LINE_BYTES)) and len(found) < MOST_REPORTS:
            try:
                data = json.loads(line)
            except (ValueError, RecursionError):
                # A line that is being written.
                continue
            step = data.get("step") if isinstance(data, dict) else None
            if not isinstance(step, int):
                continue
            for name, value in data.items():
                if name.partition("[")[0] == short and isinstance(value, int | float):
                    found[step] = float(value)
    return dict(sorted(found.items()))
