"""The record of a warm start in a run folder: which checkpoint gave the weights of step 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dcgan_kit.runs.record_file import read_model
from dcgan_kit.runs.run_folder import RunFolder

MOST_BYTES = 16 * 2**20
"""Most bytes of the record: it names each array."""


@dataclass(frozen=True)
class Origin:
    """Where the weights come from.

    Attributes:
        source: the run as the recipe names it.
        file: the file of the checkpoint.
        step: number of steps that its networks were trained.
        sha256: SHA-256 of the file, in hexadecimal.
    """

    source: str
    file: str
    step: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.source}, step {self.step:,}"


class Copy(BaseModel):
    """The file of the weights in the run folder."""

    model_config = ConfigDict(strict=True)
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """What a run folder says about its warm start; the lists of arrays are for people."""

    model_config = ConfigDict(strict=True)
    source: Annotated[str, Field(alias="from", max_length=4096)]
    file: Annotated[str, Field(max_length=300)]
    step: Annotated[int, Field(ge=0, le=2**53)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    copied: Annotated[Copy, Field(alias="copy")]


def origin_of(run: RunFolder) -> Origin | None:
    """Return where the first weights of a run come from; None if they are initial ones, or nothing can be read."""
    record = read_record(run)
    return None if record is None else Origin(record.source, record.file, record.step, record.sha256)


def read_record(run: RunFolder) -> Record | None:
    """Return the record of a run folder; None if there is none, or it cannot be read."""
    return read_model(run.start_file, Record, MOST_BYTES)
