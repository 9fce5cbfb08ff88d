"""Why a run is finished although its last step was not reached."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dcgan_kit.errors import printable
from dcgan_kit.runs.record_file import read_model
from dcgan_kit.runs.run_folder import RunFolder

MOST_BYTES = 2**16


@dataclass(frozen=True)
class RunEnd:
    """The early end of a run.

    Attributes:
        step: number of steps that were trained.
        reason: the finding, the score or the plugin that ended training.
    """

    step: int
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} ended training after step {self.step}"


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    step: Annotated[int, Field(ge=0, le=2**53)]
    reason: Annotated[str, Field(min_length=1, max_length=10_000)]


def write_end(run: RunFolder, end: RunEnd) -> None:
    """Write why training ended.

    Raises:
        RunError: the folder cannot be written.
    """
    run.write(run.end_file, json.dumps({"version": 1, **asdict(end)}, indent=1).encode() + b"\n")


def read_end(run: RunFolder) -> RunEnd | None:
    """Return why a finished run ended early; None if it did not, or nothing can be read."""
    found = read_model(run.end_file, _File, MOST_BYTES) if run.finished else None
    return None if found is None else RunEnd(found.step, printable(found.reason).replace("\n", " "))
