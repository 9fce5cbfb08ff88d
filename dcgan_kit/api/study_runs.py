"""Studies: variants of a recipe, trained with equal seeds and compared. Finished runs are never trained again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.catalogue import chosen
from dcgan_kit.api.study_plan import Vary, planned, study_of
from dcgan_kit.api.study_runner import Runner
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.loading import Source
from dcgan_kit.studies.definition import MOST_SEEDS, Study, read_study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.variants import variants_of
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import RunsProgress, progress_to

if TYPE_CHECKING:
    from dcgan_kit.studies.plan import LoadedVariant, Plan
    from dcgan_kit.studies.results import StudyResult
    from dcgan_kit.studies.step_times import Estimate, Timing
    from dcgan_kit.terminal.progress import Watcher


def study(
    source: Source,
    folder: str | Path | None = None,
    *,
    vary: Vary | None = None,
    read: Sequence[str] = (),
    seeds: int | None = None,
    overrides: Sequence[str] = (),
    budget: Mapping[str, float] | None = None,
    match: str | None = None,
    threads: int | None = None,
    processes: int | None = None,
    fail_fast: bool = False,
    ray: str | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> StudyResult:
    """Train variants of a recipe with several seeds each, and compare their numbers within seeds.

    A run that is finished is never trained again, so the same call goes on after a stop. Each run is a process of its
    own. Runs of equal seeds see the same batches and latent vectors.

    Args:
        source: a study by path or, if a plugin offers it, by name; or, with ``vary``, a recipe by name or path.
        folder: the folder of the study; default: ``studies/NAME`` of the study file, else of the recipe.
        vary: keys of the recipe with the values of each; or texts ``KEY=VALUE,VALUE``. All combinations are trained.
            The first values are the reference that all others are compared with. The key ``recipe`` varies the recipe.
        read: numbers to compare: ``fd``, ``checkerboard_2``, …; a score for all of its numbers; ``NUMBER@EXTRACTOR``
            for other features; ``fd@random_convolution@28x28x1`` for resized images; ``PLACE/NAME`` for a reading of a
            probe, where ``*`` takes the mean of all that match.
        seeds: runs of each variant, 1 … 1000; default: 6. Their ``training.seed`` is 0, 1, 2, …
        overrides: ``dotted.key=VALUE`` texts that all runs share.
        budget: how long each run is trained: ``{"steps": 2000}``, ``{"images": 64000}``, ``{"seconds": 60}`` (in steps
            of a measured length), or ``{"multiply_accumulates": 1e13}``; default: the steps of the recipe.
        match: ``"parameters"``: widths of the varied network adapt until all variants have equally many parameters.
        threads: threads of each run; default: 1. A run of other threads may differ in its last bits.
        processes: runs at the same time; default: as many as processors and memory allow. It changes no number.
        fail_fast: stop at the first run that fails, and leave the others missing; otherwise all others are trained.
        ray: where the runs are trained: the address of a cluster of Ray, as ``ray.init`` takes it, e.g. ``auto`` or
            ``HOST:PORT``; ``local`` starts a Ray on this machine. The folder must be on a file system that all nodes
            share. Default: processes of this machine. It changes no number on equal processors.
        watcher: receives the progress; default: progress bars on standard error.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The results, with those of runs that failed or are missing. They are also in ``study.json`` and ``study.csv`` of
        the folder.

    Raises:
        UserError: a variant is no valid recipe, there is no such number, the data are missing, or a finished run
            of the folder was trained with other settings.
        RunError: the folder cannot be written.
    """
    definition = study_of(
        source,
        vary=vary,
        read=read,
        seeds=seeds,
        overrides=overrides,
        budget=budget,
        match=match,
        threads=threads,
        settings=settings,
    )
    return run_study(
        definition,
        folder,
        processes=processes,
        fail_fast=fail_fast,
        ray=ray,
        watcher=watcher,
        settings=settings,
    )


def run_study(
    definition: Study,
    folder: str | Path | None,
    *,
    processes: int | None = None,
    fail_fast: bool = False,
    ray: str | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> StudyResult:
    """Do a study; see ``study``."""
    settings = chosen(settings)
    with _progress(watcher) as progress:
        runner = Runner(settings, processes, fail_fast, progress, ray)
        plan = runner.plan(definition, None if folder is None else Path(folder))
        with plan.folder.locked(
            lambda: progress.note(f"{plan.folder.path}: another command works on it; waiting")
        ) as lock:
            return runner.run(plan, lock)


def estimate(
    definition: Study,
    folder: str | Path | None,
    *,
    processes: int | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> tuple[Plan, Estimate]:
    """Return what a study will do and take. It trains a few steps of each variant in memory, and no run."""
    with _progress(watcher) as progress:
        runner = Runner(chosen(settings), processes, False, progress)
        plan = runner.plan(definition, None if folder is None else Path(folder))
        return plan, runner.estimate(plan)


def open_study(folder: str | Path, *, settings: PluginSettings | None = None) -> StudyResult:
    """Return the results of a study, finished or not. Trains nothing and writes nothing.

    A run whose folder cannot be read counts as not finished. If the recipes of the study cannot be loaded, for example
    because a plugin is missing, the runs that ``study.json`` lists are read. Standard error has a line about both.

    Args:
        folder: the folder of the study.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        RunError: the folder holds no study, or it cannot be read.
    """
    found = stored(folder, chosen(settings))
    for line in found.notes:
        note(line)
    return found.result


def add_seeds(
    folder: str | Path,
    count: int,
    *,
    variants: Sequence[str] = (),
    processes: int | None = None,
    fail_fast: bool = False,
    ray: str | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> StudyResult:
    """Give the variants of a study more runs, with the next seeds.

    Two variants are compared in the seeds that both have, so name the first one too if others shall be compared with
    it in more seeds.

    Args:
        folder: the folder of the study.
        count: how many more.
        variants: the titles of the variants that get more runs, as tables show them; default: all.
        processes: see ``study``.
        fail_fast: see ``study``.
        ray: see ``study``.
        watcher: see ``study``.
        settings: see ``study``.

    Raises:
        UserError: see ``study``.
    """
    require_whole("count", count, 1, MOST_SEEDS)
    before = stored_study(folder)
    return run_study(
        _with_more_seeds(before, count, require_list("variants", variants)),
        folder,
        processes=processes,
        fail_fast=fail_fast,
        ray=ray,
        watcher=watcher,
        settings=settings,
    )


def _with_more_seeds(study: Study, count: int, titles: Sequence[str]) -> Study:
    if titles:
        known = [variant.title for variant in variants_of(study.axes)]
        for title in titles:
            if title not in known:
                raise UserError(f"variants: the study has no variant {title!r}.{did_you_mean(str(title), known)}")
        more = {title: study.more_seeds.get(title, 0) + count for title in titles}
        return replace(study, more_seeds={**study.more_seeds, **more})
    if study.seeds + count > MOST_SEEDS:
        raise UserError(f"{study.seeds} and {count} more seeds are more than {MOST_SEEDS}")
    return replace(study, seeds=study.seeds + count)


def stored_study(folder: str | Path) -> Study:
    """Return the study that a folder holds.

    Raises:
        RunError: it holds none, or it cannot be read.
    """
    home = StudyFolder(Path(folder))
    home.require_study()
    return replace(read_study(home.definition), node=None, file="")


@dataclass(frozen=True)
class StoredStudy:
    """What the folder of a study holds.

    Attributes:
        study: the study.
        folder: its folder.
        result: its results.
        plan: what it does; None if its recipes cannot be loaded.
        notes: a line about each part that was left out, and why.
    """

    study: Study
    folder: StudyFolder
    result: StudyResult
    plan: Plan | None
    notes: tuple[str, ...]


def stored(folder: str | Path, settings: PluginSettings) -> StoredStudy:
    """Return what the folder of a study holds; see ``open_study``."""
    home, study = StudyFolder(Path(folder)), stored_study(folder)
    try:
        plan = _planned(study, home, settings)
    except UserError as error:
        plugins = "" if settings.folders else ". If it needs a plugin, give --plugins-dir"
        message = f"{home.definition}: the recipes of this study cannot be loaded: {error}{plugins}"
        if not home.json_file.is_file():
            raise UserError(message) from error
        from dcgan_kit.studies.stored_results import stored_result

        return StoredStudy(study, home, stored_result(home, study), None, (f"{message}. Its results are shown",))
    damaged = tuple(
        f"{plan.variants[run.variant].title}, seed {run.seed}: left out: {reason}" for run, reason in plan.damaged()
    )
    return StoredStudy(study, home, plan.result(), plan, damaged)


def _planned(study: Study, home: StudyFolder, settings: PluginSettings) -> Plan:
    """Return the plan of a study in its folder. Trains nothing and writes nothing."""

    def known(_: Sequence[LoadedVariant], home: StudyFolder) -> Mapping[str, Timing]:
        from dcgan_kit.studies.step_times import read_timings

        return read_timings(home.timings)

    return planned(study, home.path, settings, known)


def _progress(watcher: Watcher | None) -> AbstractContextManager[Watcher]:
    return progress_to(watcher, RunsProgress)
