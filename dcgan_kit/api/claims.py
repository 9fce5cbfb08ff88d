"""Claims: statements about deep convolutional GANs, the studies that test them, and the verdicts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from dcgan_kit.api.arguments import require_whole
from dcgan_kit.api.catalogue import everything
from dcgan_kit.api.claim_records import (
    RECORD,
    kept_plan,
    read_discussion,
    read_record,
    record_of,
    write_record,
    write_samples,
)
from dcgan_kit.errors import RunError, UserError, did_you_mean
from dcgan_kit.runs.write_errors import write_requested_file
from dcgan_kit.studies.claims import Verdict
from dcgan_kit.studies.definition import MOST_SEEDS, STEPS, Study, read_study
from dcgan_kit.studies.search import is_search
from dcgan_kit.studies.variants import Axis, axis_of
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.studies.claims import Claim
    from dcgan_kit.studies.results import StudyResult
    from dcgan_kit.studies.verdicts import ClaimResult
    from dcgan_kit.terminal.progress import Watcher

USUAL = Path("studies") / "claims"
MOST_RECORDS = 10_000


@dataclass(frozen=True)
class NamedClaim:
    """A claim of a plugin.

    Attributes:
        name: its name.
        file: its study file.
        study: the study that tests it.
    """

    name: str
    file: Path
    study: Study

    @property
    def claim(self) -> Claim:
        """The statement, and what is expected."""
        assert self.study.claim is not None
        return self.study.claim


@dataclass(frozen=True)
class ClaimRun:
    """What the study of a claim found.

    Attributes:
        result: the verdict, with those of all expectations and numbers.
        study: the results of the study.
        record: both in compact form, with the plan, the date and the machine, as ``claim.json`` holds them.
    """

    result: ClaimResult
    study: StudyResult
    record: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        """``supported``, ``refuted`` or ``inconclusive``."""
        return self.result.verdict


def list_claims(*, settings: PluginSettings | None = None) -> dict[str, NamedClaim]:
    """Return the claims of all plugins, in alphabetical order of their names. Needs no TensorFlow.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.

    A study file with problems is left out, with a warning on standard error.
    """
    found = {}
    for name, file in sorted(everything(settings).studies.items()):
        if is_search(file):
            continue
        try:
            study = read_study(file)
        except UserError as error:
            note(f"warning: study {name}: {error}")
            continue
        if study.claim is not None:
            found[name] = NamedClaim(name, file, study)
    return found


def find_claim(name: str, *, settings: PluginSettings | None = None) -> NamedClaim:
    """Return the claim of a name, or that of a study file.

    Raises:
        UserError: there is no such claim.
    """
    if not isinstance(name, str):
        raise UserError(f"a claim has a name, or the path of its study file. Received: {name!r}")
    if name.endswith((".yaml", ".yml")):
        file = Path(name)
        study = read_study(file)
        if study.claim is None:
            raise UserError(f"{file}: has no section 'claim'; `dcgan-kit study {file}` does it as a study")
        return NamedClaim(file.stem, file, study)
    known = list_claims(settings=settings)
    if name not in known:
        raise UserError(f"unknown claim {name!r}.{did_you_mean(name, known)} `dcgan-kit claims list` lists them")
    return known[name]


def claim_folder(claim: NamedClaim, folder: str | Path | None) -> Path:
    """Return the folder of a claim's study: ``FOLDER/NAME``; default: ``studies/claims/NAME``."""
    return (USUAL if folder is None else Path(folder)) / claim.name.replace("/", "-")


def run_claim(
    claim: NamedClaim | str,
    folder: str | Path | None = None,
    *,
    seeds: int | None = None,
    scale: float = 1.0,
    processes: int | None = None,
    ray: str | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> ClaimRun:
    """Do the study of a claim, and return the verdict with what was found. The same call goes on after a stop.

    The folder of the study then holds the record ``claim.json``, and ``samples.png`` if the study trains: a row of
    samples for each variant, of equal latent vectors.

    Args:
        claim: a claim, as ``find_claim`` returns it, or its name.
        folder: the folder of all claims' studies; default: ``studies/claims``.
        seeds: runs of each variant; default: those of the claim.
        scale: how many times longer than the claim says each run is trained.
        processes: runs at the same time; see ``study``.
        ray: the address of a cluster of Ray; see ``study``.
        watcher: receives the progress.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: see ``study``.
    """
    from dcgan_kit.api.study_runs import run_study
    from dcgan_kit.studies.verdicts import judge

    if not isinstance(claim, NamedClaim):
        claim = find_claim(claim, settings=settings)
    study = scaled(claim.study, seeds, scale)
    path = claim_folder(claim, folder)
    plan = kept_plan(path, study, settings)
    result = run_study(study, path, processes=processes, ray=ray, watcher=watcher, settings=settings)
    verdict = judge(claim.claim, result)
    samples = None if study.untrained else write_samples(path, result)
    record = write_record(path, record_of(claim.name, study, plan, verdict, result, samples))
    return ClaimRun(verdict, result, record)


def scaled(study: Study, seeds: int | None, scale: float) -> Study:
    """Return a study with other seeds and a longer budget.

    Raises:
        UserError: a number is out of its range, or the study has no budget to scale.
    """
    if seeds is not None:
        study = replace(study, seeds=require_whole("seeds", seeds, 1, MOST_SEEDS))
    if not 0 < scale <= 10_000:
        raise UserError(f"scale: must be above 0 and at most 10000. Received: {scale:g}")
    if scale == 1.0 or study.untrained:
        return study
    if any(axis.key == STEPS for axis in study.axes):
        return replace(study, axes=tuple(_scaled_axis(axis, scale) for axis in study.axes))
    if study.budget is None:
        raise UserError("scale: the claim has no budget to scale")
    amount: float = study.budget.amount * scale
    whole = study.budget.kind in ("steps", "images")
    return replace(study, budget=replace(study.budget, amount=max(1, round(amount)) if whole else amount))


def _scaled_axis(axis: Axis, scale: float) -> Axis:
    if axis.key != STEPS:
        return axis
    steps = [max(1, round(int(value) * scale)) for value in axis.values]
    return axis_of(STEPS, dict(zip(axis.names, steps, strict=True)))


def verdict_so_far(claim: NamedClaim, folder: str | Path | None = None) -> str:
    """Return the verdict that the folder of a claim's study holds; empty if there is none. Needs no TensorFlow."""
    record = read_record(claim_folder(claim, folder) / RECORD)
    verdict = "" if record is None else record.get("verdict")
    return str(verdict) if verdict in get_args(Verdict) else ""


def claims_report(folder: str | Path | None = None, output: str | Path | None = None) -> Path:
    """Write a page in Markdown about the verdicts that a folder holds. Needs no TensorFlow.

    If the folder of a claim's study holds a file ``discussion.md``, the page shows its text below the verdict.

    Args:
        folder: the folder of all claims' studies; default: ``studies/claims``.
        output: the file; default: ``claims.md`` in the folder. An existing file is replaced.

    Returns:
        The path of the file.

    Raises:
        RunError: the folder holds no record of a claim, or the file cannot be written.
    """
    home = USUAL if folder is None else Path(folder)
    target = home / "claims.md" if output is None else Path(output)
    write_requested_file(target, claims_text(home, target.parent).encode())
    return target


def claims_text(folder: Path, place: Path) -> str:
    """Return the page that ``claims_report`` writes.

    Args:
        folder: the folder of all claims' studies.
        place: the folder of the page, where the paths of its pictures start.

    Raises:
        RunError: the folder holds no record of a claim.
    """
    from dcgan_kit.reports.claims_page import WrittenClaim, claims_page

    written = [
        WrittenClaim(record, os.path.relpath(file.parent, place), read_discussion(file.parent))
        for file in sorted(folder.glob(f"*/{RECORD}"))[:MOST_RECORDS]
        if (record := read_record(file)) is not None
    ]
    if not written:
        raise RunError(f"{folder}: holds no verdict of a claim; `dcgan-kit claims run NAME` makes one")
    return claims_page(written)
