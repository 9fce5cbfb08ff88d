"""The page of a study, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen
from dcgan_kit.api.run import run_in
from dcgan_kit.api.study_runs import stored
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import TaskProgress

if TYPE_CHECKING:
    from dcgan_kit.studies.definition import Study
    from dcgan_kit.studies.folder import StudyFolder
    from dcgan_kit.studies.plan import Plan
    from dcgan_kit.studies.results import RunResult, StudyResult
    from dcgan_kit.studies.verdicts import ClaimResult

SAMPLE_SEED = 0
"""Seed of the latent vectors of all grids."""


def study_report(
    folder: str | Path,
    output: str | Path | None = None,
    *,
    quick: bool = False,
    all_seeds: bool = False,
    settings: PluginSettings | None = None,
) -> Path:
    """Write one HTML file about a study, finished or not. It works offline and needs no other file.

    Args:
        folder: the folder of the study.
        output: the HTML file; default: ``study.html`` in the folder.
        quick: draw no new samples; show the sample grids that the run folders hold.
        all_seeds: draw samples of the runs of all seeds, not only of seed 0.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The path of the page.

    Raises:
        UserError: the recipes of the study cannot be loaded and it has no results yet, or the output name does not end
            in ``.html``.
        RunError: the folder holds no study, or the page cannot be written.
    """
    from dcgan_kit.reports.run_files import shown
    from dcgan_kit.reports.study_facts import StudyFacts, names_of, read_runs, without_folder
    from dcgan_kit.reports.study_head import head
    from dcgan_kit.reports.study_page import study_page
    from dcgan_kit.reports.study_samples import COLUMNS, ROWS
    from dcgan_kit.runs.write_errors import write_requested_file

    target = None if output is None else Path(output)
    if target is not None and target.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{target}: a report is a page; give a name that ends in .html")
    settings = chosen(settings)
    found = stored(folder, settings)
    result, home, untrained = found.result, found.folder, found.study.untrained
    names = names_of(result.variants)
    runs, notes = ({}, ()) if untrained else read_runs(home, result, names)
    grids, unsampled = ({}, ()) if quick or untrained else _samples(home, result, names, all_seeds, settings)
    verdict, unjudged = _verdict(found.study, result)
    facts = StudyFacts(
        result=result,
        names=names,
        head=head(found.study, result, _steps(found.plan), _versions(found.plan)),
        text=found.study.as_yaml(),
        runs=runs,
        samples=grids,
        layout=(ROWS, COLUMNS),
        sampled=not quick,
        untrained=untrained,
        verdict=verdict,
        notes=(*unjudged, *(shown(without_folder(line, home)) for line in found.notes), *notes, *unsampled),
    )
    content = study_page(facts).encode()
    target = home.page if target is None else target
    write_requested_file(target, content)
    done = len(result.runs) - result.missing
    note(f"{target}: {len(content) / 2**20:.1f} MiB about {done} of {len(result.runs)} runs")
    return target


def export_study(folder: str | Path, file: str | Path, *, settings: PluginSettings | None = None) -> Path:
    """Write the numbers of a study as a tidy table: one row for each number of each run.

    Args:
        folder: the folder of the study.
        file: a name that ends in ``.csv``, or in ``.parquet``, which needs the package pyarrow.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The path of the file.

    Raises:
        UserError: the name has another ending, or pyarrow is not installed.
        RunError: the folder holds no study, or the file cannot be written.
    """
    from dcgan_kit.reports.study_table import as_csv, as_parquet
    from dcgan_kit.runs.write_errors import write_requested_file

    target = Path(file)
    formats = {".csv": as_csv, ".parquet": as_parquet}
    if target.suffix.lower() not in formats:
        raise UserError(f"{target}: a table is a file *.csv or *.parquet")
    found = stored(folder, chosen(settings))
    result = found.result
    for line in found.notes:
        note(line)
    write_requested_file(target, formats[target.suffix.lower()](result))
    rows = sum(len(run.readings) for run in result.runs)
    note(f"{target}: {rows:,} rows of {sum(bool(run.readings) for run in result.runs):,} finished runs")
    return target


def _verdict(study: Study, result: StudyResult) -> tuple[ClaimResult | None, tuple[str, ...]]:
    """Judge the claim of a study, if it has one; a claim that cannot be judged gives a line instead."""
    from dcgan_kit.studies.verdicts import judge

    if study.claim is None:
        return None, ()
    try:
        return judge(study.claim, result), ()
    except UserError as error:
        return None, (f"The claim cannot be judged: {error}",)


def _samples(
    home: StudyFolder, result: StudyResult, names: tuple[str, ...], all_seeds: bool, settings: PluginSettings
) -> tuple[dict[tuple[int, int], Any], tuple[str, ...]]:
    """Draw samples of the runs, all of the same latent vectors; a run that cannot draw any gives a line instead."""
    from dcgan_kit.reports.run_files import shown
    from dcgan_kit.reports.study_facts import run_name, without_folder
    from dcgan_kit.reports.study_samples import to_sample

    wanted = to_sample(result, all_seeds)
    grids, notes = {}, []
    with TaskProgress() as progress:
        for done, run in enumerate(wanted):
            progress.preparation("drawing samples", done, len(wanted))
            try:
                grids[run.variant, run.seed] = _grid(home, run, settings)
            except UserError as error:
                text = shown(without_folder(str(error), home))
                notes.append(f"{run_name(run, names)}: no samples: {text}")
        progress.preparation("drawing samples", len(wanted), len(wanted))
    return grids, tuple(notes)


def _grid(home: StudyFolder, run: RunResult, settings: PluginSettings) -> Any:
    from dcgan_kit.reports.study_samples import COLUMNS, ROWS
    from dcgan_kit.runs.image_grid import grid_of

    images = run_in(home.run(run.identity), (), settings).sample(ROWS * COLUMNS, seed=SAMPLE_SEED)
    return grid_of(images, ROWS, COLUMNS)


def _steps(plan: Plan | None) -> list[int]:
    return [] if plan is None else list({run.variant: run.recipe.training.steps for run in plan.runs}.values())


def _versions(plan: Plan | None) -> Mapping[str, str]:
    from dcgan_kit.version import PACKAGES

    return {name: str(plan.runs[0].facts[name]) for name in ("dcgan-kit", *PACKAGES)} if plan and plan.runs else {}
