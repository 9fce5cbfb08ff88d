"""Results of a study whose recipes cannot be loaded any more: what its folder holds about its runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.errors import RunError, UserError, printable
from dcgan_kit.files import read_regular
from dcgan_kit.studies.definition import Study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.interim import read_interim
from dcgan_kit.studies.readings import read_readings
from dcgan_kit.studies.results import RunResult, StudyResult
from dcgan_kit.studies.variants import variants_of

MOST_BYTES = 64 * 2**20
Name = Annotated[str, Field(max_length=1000)]


class _Run(BaseModel):
    model_config = ConfigDict(strict=True)
    variant: Annotated[int, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]
    identity: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    failure: Annotated[str, Field(max_length=2000)]
    numbers: Annotated[Mapping[Name, object], Field(max_length=10_000)]


class _Variant(BaseModel):
    model_config = ConfigDict(strict=True)
    settings: Annotated[Mapping[str, str], Field(max_length=100)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    variants: Annotated[list[_Variant], Field(max_length=1_000_000)]
    runs: Annotated[list[_Run], Field(max_length=1_000_000)]


def stored_result(folder: StudyFolder, study: Study) -> StudyResult:
    """Return the results of the runs that ``study.json`` lists, from their folders; no recipe is loaded.

    A run that the file does not list, or whose folder cannot be read, counts as not finished.

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
    if [dict(one.settings) for one in found.variants] != [dict(variant.settings) for variant in variants]:
        raise RunError(f"{file}: holds results of other variants than {folder.definition.name}")
    numbers = tuple(dict.fromkeys(name for run in found.runs for name in run.numbers))
    if not all(name.isprintable() for name in numbers):
        raise RunError(f"{file}: holds no results of a study")
    listed = {(run.variant, run.seed): run for run in found.runs}
    runs = tuple(
        _result(folder, index, seed, listed.get((index, seed)))
        for index, variant in enumerate(variants)
        for seed in range(study.seeds_of(variant.title))
    )
    return StudyResult(
        study.name,
        study.overrides,
        variants,
        study.seeds,
        numbers,
        runs,
        study.description,
        read_interim(folder),
    )


def _result(folder: StudyFolder, variant: int, seed: int, run: _Run | None) -> RunResult:
    if run is None:
        return RunResult(variant, seed, "")
    empty = RunResult(variant, seed, run.identity, failure=printable(run.failure))
    try:
        readings = read_readings(folder.run(run.identity)) if run.numbers else None
    except UserError:
        return empty
    if readings is None or not readings.numbers.keys() >= run.numbers.keys():
        return empty
    numbers = {name: readings.numbers[name] for name in run.numbers}
    return RunResult(variant, seed, run.identity, numbers, readings.cost, "", readings.findings)
