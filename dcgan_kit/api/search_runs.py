"""Searches: trials of a recipe, one after the other, with parameters that Optuna chooses from the trials before."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen
from dcgan_kit.api.search_checks import direction_of, require_observed, require_same_search
from dcgan_kit.api.study_runner import Runner
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.files import write_whole
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.search import Direction, Search, is_search, read_search
from dcgan_kit.studies.search_recipes import require_valid_recipes
from dcgan_kit.studies.trials import Trial, TrialRecord, read_record, read_reports, write_record
from dcgan_kit.terminal.progress import RunsProgress, progress_to

__all__ = ["described", "is_search", "open_search", "read_search", "run_search"]

if TYPE_CHECKING:
    from dcgan_kit.process.scheduler import Scheduler
    from dcgan_kit.studies.optuna_trials import Pruning
    from dcgan_kit.studies.plan import Plan
    from dcgan_kit.studies.search_results import SearchResult
    from dcgan_kit.terminal.progress import Watcher


def run_search(
    search: Search,
    folder: str | Path | None = None,
    *,
    processes: int | None = None,
    fail_fast: bool = False,
    ray: str | None = None,
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> SearchResult:
    """Train the trials of a search, and say which is best.

    A trial that ended is never trained again, so the same call goes on after a stop, with the same trials.

    Args:
        search: the search; see ``read_search``.
        folder: its folder; default: ``studies/NAME-search``.
        processes: runs at the same time, if a trial has several; default: as many as processors and memory allow.
        fail_fast: stop at the first trial that fails.
        ray: see ``study``.
        watcher: receives the progress; default: progress bars on standard error.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The results. They are also in ``study.json`` and ``study.csv`` of the folder.

    Raises:
        UserError: Optuna is not installed, a recipe of the search is not valid, there is no such number, or the folder
            holds trials of another search.
        RunError: the folder cannot be written, or holds something else.
    """
    home = StudyFolder(Path("studies") / search.name if folder is None else Path(folder))
    settings = chosen(settings)
    with progress_to(watcher, RunsProgress) as progress:
        runner = Runner(settings, processes, fail_fast, progress, ray)
        direction = _prepared(search, runner, home, settings)
        with home.locked(lambda: progress.note(f"{home.path}: another command works on it; waiting")) as lock:
            require_same_search(search, home)
            with writing(home.definition):
                write_whole(home.definition, search.as_yaml().encode())
            with ExitStack() as opened:
                trials = _Trials(search, direction, home, runner, opened, lock, progress)
                ended = trials.run(fail_fast)
            result = _result(search, home, direction, ended)
            _write(result, trials)
            return result


def open_search(folder: str | Path, *, settings: PluginSettings | None = None) -> SearchResult:
    """Return the results of a search, finished or not. Trains nothing and writes nothing.

    Args:
        folder: the folder of the search.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        RunError: the folder holds no search, or it cannot be read.
    """
    home = StudyFolder(Path(folder))
    if not home.definition.is_file():
        raise RunError(f"{home.path}: holds no study; `dcgan-kit study` makes one")
    search = replace(read_search(home.definition), node=None)
    with progress_to(None, RunsProgress) as progress:
        runner = Runner(chosen(settings), None, False, progress)
        direction = _prepared(search, runner, home, chosen(settings))
        trials = _Trials(search, direction, home, runner, None, None, progress)
        return _result(search, home, direction, trials.run(False))


def described(search: Search, folder: str | Path | None) -> str:
    """Return in one line what a search will do."""
    home = StudyFolder(Path("studies") / search.name if folder is None else Path(folder))
    begun = sum(read_record(home.path, number) is not None for number in range(search.trials))
    each = "1 run" if search.seeds == 1 else f"{search.seeds} runs"
    return (
        f"{home.path}: {search.trials} trials of {each} each, one after the other; {begun} "
        f"{'has' if begun == 1 else 'have'} begun"
    )


def _prepared(search: Search, runner: Runner, home: StudyFolder, settings: PluginSettings) -> Direction:
    """Check the search, and return its direction."""
    from dcgan_kit.studies.optuna_trials import optuna_version

    if search.budget is not None and search.budget.kind == "seconds":
        raise UserError(
            f"{search.place('budget', 'seconds')}budget: every trial would be timed anew; give steps, images or "
            "multiply_accumulates"
        )
    optuna_version()
    tensorflow_startup.start_tensorflow()
    require_valid_recipes(search, settings)
    first = runner.plan(search.study_of({one.key: one.examples[0] for one in search.space}), home.path)
    require_observed(search, first)
    return direction_of(search, first.plugins.registry)


def _result(search: Search, home: StudyFolder, direction: Direction, trials: Sequence[Trial]) -> SearchResult:
    from dcgan_kit.studies.optuna_trials import optuna_version, pruner_options, sampler_options
    from dcgan_kit.studies.search_results import SearchResult

    optuna: dict[str, Any] = {
        "optuna": optuna_version(),
        "sampler": {"name": "TPESampler", "seed": "a hash of the sampler's seed and the number of the trial"},
    }
    optuna["sampler"] |= sampler_options(search)
    pruner = pruner_options(search)
    optuna["pruner"] = None if pruner is None else {"name": "PercentilePruner", **pruner}
    return SearchResult(search, home, direction, tuple(trials), optuna)


def _write(result: SearchResult, trials: _Trials) -> None:
    from dcgan_kit.studies.search_results import best_recipe, comparison_file, comparison_yaml

    home = result.folder
    files = {home.json_file: result.as_json(), home.csv_file: result.as_csv()}
    if result.best is not None:
        recipe = trials.plan_of(result.best.settings).runs[0].recipe
        recipe = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 0})})
        files[best_recipe(home.path)] = as_yaml(as_data(recipe))
        files[comparison_file(home.path)] = as_yaml(comparison_yaml(result.search, home.path))
    for file, text in files.items():
        with writing(file):
            write_whole(file, text.encode())


class _Trials:
    """Runs the trials of a search, or only reads them if there is no lock."""

    def __init__(
        self,
        search: Search,
        direction: Direction,
        home: StudyFolder,
        runner: Runner,
        opened: ExitStack | None,
        lock: int | None,
        progress: Watcher,
    ) -> None:
        self._search, self._direction, self._home, self._runner = search, direction, home, runner
        self._opened, self._lock, self._progress = opened, lock, progress
        self._scheduler: Scheduler | None = None

    def plan_of(self, settings: Any) -> Plan:
        """Return the runs of a trial, as a study with one variant."""
        return self._runner.plan(self._search.study_of(settings), self._home.path)

    def run(self, fail_fast: bool) -> list[Trial]:
        """Return the trials that ended, in order; the first that cannot end is the last that is tried."""
        ended: list[Trial] = []
        for number in range(self._search.trials):
            trial = self._trial(number, ended)
            if trial is None:
                break
            ended.append(trial)
            self._progress.preparation("trials", len(ended), self._search.trials)
            if fail_fast and trial.state == "failed":
                break
        return ended

    def _trial(self, number: int, before: Sequence[Trial]) -> Trial | None:
        record = read_record(self._home.path, number)
        if record is None:
            if self._lock is None:
                return None
            record, plan = self._asked(number, before)
        else:
            plan = self._planned(record)
        pruning = self._pruning(before)
        trial = self._outcome(record, plan, pruning)
        if trial is None and self._lock is not None:
            self._train(plan, pruning)
            trial = self._outcome(record, plan, pruning)
        return trial

    def _asked(self, number: int, before: Sequence[Trial]) -> tuple[TrialRecord, Plan]:
        from dcgan_kit.studies.optuna_trials import ask, optuna_version

        settings = ask(self._search, self._direction, before)
        plan = self.plan_of(settings)
        identities = [run.identity for run in plan.runs]
        record = TrialRecord(number=number, settings=settings, identities=identities, optuna=optuna_version())
        # Written before the runs: after a stop the trial is the same.
        write_record(self._home.path, record)
        return record, plan

    def _planned(self, record: TrialRecord) -> Plan:
        file = f"{self._home.path}: trial {record.number}"
        try:
            plan = self.plan_of(record.settings)
        except (KeyError, ValueError) as error:
            raise UserError(f"{file} has values that this search cannot choose; choose another folder") from error
        if [run.identity for run in plan.runs] != record.identities:
            raise UserError(
                f"{file} was trained otherwise: its recipe, its images or a version has changed, so later trials would "
                "rest on other numbers. Choose another folder with --folder, or take the change back"
            )
        return plan

    def _pruning(self, before: Sequence[Trial]) -> Pruning | None:
        if self._search.prune is None:
            return None
        from dcgan_kit.studies.optuna_trials import Pruning

        return Pruning(self._search, self._direction, before)

    def _outcome(self, record: TrialRecord, plan: Plan, pruning: Pruning | None) -> Trial | None:
        """Return how a trial ended; None if it has not ended."""
        reports: dict[int, float] = {}
        if pruning is not None:
            reports = self._reports(plan)
            step = pruning.step(reports)
            if step is not None:
                # It may have trained on until the signal came; what came after this step does not count.
                reports = {at: value for at, value in reports.items() if at <= step}
                runs = tuple(replace(run, readings={}, cost=None, failure="", findings=()) for run in _runs(plan))
                return Trial(record.number, record.settings, "pruned", None, reports, runs)
        runs = _runs(plan)
        if not all(run.finished for run in runs):
            return None
        if any(run.failure for run in runs):
            return Trial(record.number, record.settings, "failed", None, reports, runs)
        value = statistics.fmean(run.readings[self._search.objective].value for run in runs)
        return Trial(record.number, record.settings, "complete", value, reports, runs)

    def _reports(self, plan: Plan) -> dict[int, float]:
        return read_reports(self._home.run(plan.runs[0].identity), self._search.objective)

    def _train(self, plan: Plan, pruning: Pruning | None) -> None:
        missing = plan.missing()
        plan.write_recipes(missing)
        if self._scheduler is None:
            assert self._opened is not None
            assert self._lock is not None
            self._scheduler = self._opened.enter_context(self._runner.scheduler(plan, self._lock))

        def ended() -> bool:
            return pruning is not None and pruning.step(self._reports(plan)) is not None

        self._runner.train(plan, missing, self._scheduler, ended)


def _runs(plan: Plan) -> Any:
    return plan.result().runs
