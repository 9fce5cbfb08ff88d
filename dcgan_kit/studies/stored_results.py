"""Results of a study whose recipes cannot be loaded any more: what its folder holds about its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.errors import RunError, UserError, printable
from dcgan_kit.files import read_regular
from dcgan_kit.studies.definition import Study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.readings import read_readings
from dcgan_kit.studies.results import RunResult, StudyResult, in_order
from dcgan_kit.studies.variants import variants_of

MOST_BYTES = 64 * 2**20


class _Run(BaseModel):
    model_config = ConfigDict(strict=True)
    variant: Annotated[int, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]
    identity: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    failure: Annotated[str, Field(max_length=2000)]
    numbers: Annotated[Mapping[str, object], Field(max_length=10_000)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    runs: Annotated[list[_Run], Field(max_length=1_000_000)]


def stored_result(folder: StudyFolder, study: Study) -> StudyResult:
    """Return the results of the runs that ``study.json`` lists, from their folders; no recipe is loaded.

    A run whose folder cannot be read counts as not finished.

    Args:
        folder: the folder of the study.
        study: the study that it holds.

    Raises:
        RunError: there is no such file, or it does not fit the study.
    """
    file = folder.json_file
    try:
        found = _File.model_validate_json(read_regular(file, MOST_BYTES, follow_links=False))
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise RunError(f"{file}: holds no results of a study") from error
    variants = variants_of(study.axes)
    if any(run.variant >= len(variants) for run in found.runs):
        raise RunError(f"{file}: holds results of another study than {folder.definition.name}")
    numbers = tuple(dict.fromkeys(name for run in found.runs for name in run.numbers))
    runs = in_order([*_results(folder, found.runs)])
    return StudyResult(study.name, study.overrides, variants, study.seeds, numbers, runs, study.description)


def _results(folder: StudyFolder, runs: list[_Run]) -> Iterator[RunResult]:
    for run in runs:
        empty = RunResult(run.variant, run.seed, run.identity, failure=printable(run.failure))
        try:
            readings = read_readings(folder.run(run.identity)) if run.numbers else None
        except UserError:
            readings = None
        if readings is None or not readings.numbers.keys() >= run.numbers.keys():
            yield empty
            continue
        numbers = {name: readings.numbers[name] for name in run.numbers}
        yield RunResult(run.variant, run.seed, run.identity, numbers, readings.cost, "", readings.findings)
