"""The processes of a study: those that measure steps, and those that train what is missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.live_table import LiveTable
from dcgan_kit.api.plugin_settings import plugin_options
from dcgan_kit.api.study_plan import estimate_of, memory_of, planned, processes_for
from dcgan_kit.api.study_worker import STEP
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError, counted, printable
from dcgan_kit.files import write_whole
from dcgan_kit.process.command import Job, run_commands
from dcgan_kit.process.exit_codes import INTERRUPTED, PREEMPTED
from dcgan_kit.process.scheduler import Scheduler, ThisMachine
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.adoption import adopt
from dcgan_kit.studies.definition import Study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.interim import note_interim
from dcgan_kit.studies.search import is_search
from dcgan_kit.studies.variants import Variant
from dcgan_kit.terminal.quantities import duration

if TYPE_CHECKING:
    from dcgan_kit.recipes.resolved import ResolvedRecipe
    from dcgan_kit.studies.plan import LoadedVariant, Plan, PlannedRun
    from dcgan_kit.studies.results import StudyResult
    from dcgan_kit.studies.step_times import Estimate, Timing
    from dcgan_kit.terminal.progress import Watcher


RUNS = "runs that ended"
"""The name of the progress over all runs."""
MEASURED_FROM = 20_000
"""From so many training steps on, a study measures the steps of its variants before it starts."""
CHECKED_FROM = 2_000
"""From so many training steps on, a study checks before it starts that probes give what it reads, in one variant."""


class Runner:
    """Runs the processes of one study.

    Args:
        settings: which plugins may be loaded.
        processes: runs at the same time, or None.
        fail_fast: whether the first failure ends the study.
        progress: receives the progress.
        ray: the address of a cluster of Ray; None: runs are processes of this machine.
    """

    def __init__(
        self,
        settings: PluginSettings,
        processes: int | None,
        fail_fast: bool,
        progress: Watcher,
        ray: str | None = None,
    ) -> None:
        self._settings, self._processes, self._ray = settings, processes, ray
        self._fail_fast, self._progress = fail_fast, progress

    def plan(self, definition: Study, folder: Path | None) -> Plan:
        """Return what a study will do."""
        return planned(
            definition, folder, self._settings, lambda variants, home: self._timings(variants, home, definition)
        )

    def estimate(self, plan: Plan) -> Estimate:
        """Return what the missing runs take."""
        from dcgan_kit.studies.step_times import read_timings

        recipes = _one_of_each(plan, plan.missing())
        with plan.folder.locked(self._waiting(plan.folder)):
            self._time(recipes, plan.folder, plan.study.threads)
        return estimate_of(plan, read_timings(plan.folder.timings), self._at_once(plan))

    def run(self, plan: Plan, lock: int) -> StudyResult:
        """Train what is missing, and write the results."""
        from dcgan_kit.reports.study_table import as_csv
        from dcgan_kit.studies.plan import require_same_axes
        from dcgan_kit.studies.results import shortage

        if is_search(plan.folder.definition):
            raise UserError(f"{plan.folder.path}: holds a search; choose another folder with --folder")
        require_same_axes(plan.study, plan.folder)
        changes = plan.changes()
        if changes.unasked and not changes.kept:
            other = counted(changes.unasked, "finished run")
            raise UserError(
                f"{plan.folder.path}: holds another study, with {other} that this one does not ask for. Choose another "
                "folder with --folder"
            )
        if changes.kept and changes.kept < len(plan.runs):
            belong = "belongs" if changes.kept == 1 else "belong"
            self._progress.note(f"{plan.folder.path}: {counted(changes.kept, 'finished run')} {belong} to this study")
        if changes.unasked:
            stay = "run stays" if changes.unasked == 1 else "runs stay"
            self._progress.note(
                f"{plan.folder.path}: {changes.unasked} finished {stay} in the folder, though not asked for any more"
            )
        with writing(plan.folder.definition):
            write_whole(plan.folder.definition, plan.study.as_yaml().encode())
        missing = plan.missing()
        plan.write_recipes(missing)
        for planned_run in missing:
            source = adopt(plan.folder, planned_run.identity)
            if source is not None:
                self._progress.note(f"{source}: is finished, and was copied into this study")
        missing = plan.missing()
        too_few = shortage(plan.study.seeds, len(plan.numbers) * (len(plan.variants) - 1))
        if missing and too_few and plan.study.claim is None:
            more = shlex.join(["dcgan-kit", "study", "add-seeds", str(plan.folder.path), "N"])
            self._progress.note(f"{too_few}. `{more}` adds some.")
        if missing:
            self._announce(plan, missing)
            with self.scheduler(plan, lock) as scheduler:
                self.train(plan, missing, scheduler, table=LiveTable(plan, self._progress))
        if not plan.missing():
            note_interim(plan.folder, len(plan.runs))
        result = plan.result()
        for file, content in (
            (plan.folder.json_file, result.as_json().encode()),
            (plan.folder.csv_file, as_csv(result)),
        ):
            with writing(file):
                write_whole(file, content)
        return result

    def _announce(self, plan: Plan, missing: Sequence[PlannedRun]) -> None:
        """Say how many runs there are and, if they are not over soon, how long they take."""
        from dcgan_kit.studies.step_times import read_timings

        steps = 0 if plan.study.untrained else sum(run.recipe.training.steps for run in missing)
        if steps >= CHECKED_FROM:
            self._check_readings(plan, missing[0])
        if steps >= MEASURED_FROM:
            self._time(_one_of_each(plan, missing), plan.folder, plan.study.threads)
        expected = estimate_of(plan, read_timings(plan.folder.timings), self._at_once(plan))
        self._progress.note(described(plan, expected))

    def train(
        self,
        plan: Plan,
        missing: Sequence[PlannedRun],
        scheduler: Scheduler,
        ended: Callable[[], bool] = lambda: False,
        table: LiveTable | None = None,
    ) -> None:
        """Train runs.

        Args:
            plan: the plan that they belong to; their recipes are written.
            missing: the runs.
            scheduler: where they run.
            ended: whether all of them should stop early; called at each line that a run prints.
            table: shows what the variants have reached.
        """
        by_key = {run.identity: run for run in missing}
        titles = {run.identity: f"{plan.variants[run.variant].title}, seed {run.seed}" for run in missing}
        options = plugin_options(self._settings)
        untrained = ["--untrained"] if plan.study.untrained else []
        jobs = [
            Job(
                key,
                (
                    "study",
                    "train-one",
                    *untrained,
                    *options,
                    "--",
                    str(plan.folder.path.absolute()),
                    key,
                    *plan.numbers,
                ),
                thread_variables(plan.study.threads),
            )
            for key in by_key
        ]
        last: dict[str, str] = {}
        done = 0

        def on_line(job: Job, line: str) -> bool:
            step = line.removeprefix(STEP)
            if table is not None:
                table.begun(job.key)
            if line.startswith(STEP) and step.isdecimal():
                self._progress.preparation(f"{titles[job.key]}, step", int(step), by_key[job.key].recipe.training.steps)
            elif line.strip():
                last[job.key] = line
            return not ended()

        def on_end(job: Job, status: int) -> bool:
            nonlocal done
            done += 1
            if table is not None:
                table.ended(job.key)
            steps = by_key[job.key].recipe.training.steps
            self._progress.preparation(f"{titles[job.key]}, step", steps, steps)
            self._progress.preparation(RUNS, done, len(jobs))
            if status in (0, INTERRUPTED, PREEMPTED) or ended():
                return True
            said = printable(last.get(job.key, "")) or f"exit status {status}"
            result = "failed" if plan.failure(by_key[job.key]) else "did not finish"
            self._progress.note(f"{titles[job.key]}: {result}: {said} (in {plan.folder.run(job.key)})")
            return not self._fail_fast

        self._progress.preparation(RUNS, 0, len(jobs))
        scheduler.run(jobs, on_line, on_end)

    def scheduler(self, plan: Plan, lock: int) -> AbstractContextManager[Scheduler]:
        """Return where runs go: processes of this machine, or tasks of Ray."""
        if self._ray is None:
            return nullcontext(ThisMachine(self._at_once(plan), (lock,)))
        from dcgan_kit.process.ray_tasks import LOCAL, ray_tasks

        at_once = self._at_once(plan) if self._ray == LOCAL else self._processes
        return ray_tasks(self._ray, plan.folder.path, plan.study.threads, at_once, self._progress.note)

    def _at_once(self, plan: Plan) -> int:
        return processes_for(plan.study.threads, self._processes, 0 if self._processes else memory_of(plan))

    def _waiting(self, home: StudyFolder) -> Callable[[], None]:
        return lambda: self._progress.note(f"{home.path}: another command works on it; waiting")

    def _timings(self, variants: Sequence[LoadedVariant], home: StudyFolder, definition: Study) -> Mapping[str, Timing]:
        from dcgan_kit.studies.step_times import read_timings

        with home.locked(self._waiting(home)):
            self._time({one.variant: one.recipe for one in variants}, home, definition.threads)
        return read_timings(home.timings)

    def _check_readings(self, plan: Plan, run: PlannedRun) -> None:
        """Check that probes give what the study reads, in the networks of a run before training.

        Raises:
            UserError: no probe gives one of the numbers.
        """
        numbers = [name for name in plan.numbers if "/" in name]
        if not numbers:
            return
        options = plugin_options(self._settings)
        arguments = ("study", "check-one", *options, "--", str(plan.folder.recipe(run.identity)), *numbers)
        job = Job(run.identity, arguments, thread_variables(plan.study.threads))
        last, failed = "", False

        def on_line(_: Job, line: str) -> bool:
            nonlocal last
            last = line or last
            return True

        def on_end(_: Job, status: int) -> bool:
            nonlocal failed
            failed = status != 0
            return True

        self._progress.preparation("checking what probes read", 0, 1)
        run_commands([job], 1, on_line, on_end)
        self._progress.preparation("checking what probes read", 1, 1)
        if failed:
            raise UserError(f"{plan.variants[run.variant].title}: {printable(last)} (found before any training)")

    def _time(self, recipes: Mapping[Variant, ResolvedRecipe], home: StudyFolder, threads: int) -> None:
        """Measure the variants that were not measured before."""
        from dcgan_kit.studies.step_times import Timing, read_timings, timing_key, write_timings

        known = read_timings(home.timings)
        options = plugin_options(self._settings)
        jobs, files = [], {}
        for variant, recipe in recipes.items():
            key = timing_key(recipe, threads)
            if key in known or key in files:
                continue
            file, target = home.path / "timings" / f"{key}.yaml", home.path / "timings" / f"{key}.json"
            with writing(file):
                write_whole(file, as_yaml(as_data(recipe)).encode())
            files[key] = (variant, target)
            arguments = ("study", "time-one", *options, "--", str(file), str(target))
            jobs.append(Job(key, arguments, thread_variables(threads)))
        last: dict[str, str] = {}
        failed: list[str] = []
        done = 0

        def on_line(job: Job, line: str) -> bool:
            last[job.key] = line or last.get(job.key, "")
            return True

        def on_end(job: Job, status: int) -> bool:
            nonlocal done
            done += 1
            self._progress.preparation("measuring steps of each variant", done, len(jobs))
            if status:
                failed.append(f"{files[job.key][0].title}: {printable(last.get(job.key, ''))}")
            return not status

        if jobs:
            self._progress.preparation("measuring steps of each variant", 0, len(jobs))
            # One after the other: beside others, steps are slower.
            run_commands(jobs, 1, on_line, on_end)
        if failed:
            raise UserError(f"{failed[0]} (its steps could not be measured)")
        for key, (_, target) in files.items():
            known[key] = Timing.model_validate_json(target.read_bytes())
        if files:
            write_timings(home.timings, known)


def _one_of_each(plan: Plan, runs: Sequence[PlannedRun]) -> dict[Variant, ResolvedRecipe]:
    """Return a recipe of each variant that has one of these runs."""
    return {plan.variants[run.variant]: run.recipe for run in reversed(runs)}


def described(plan: Plan, expected: Estimate) -> str:
    """Return in one line what a study will do and take."""
    from dcgan_kit.studies.plan import described as counts

    text = counts(plan, expected.runs)
    if not expected.runs:
        return text
    at_once = f"{expected.at_once} at a time" if expected.at_once > 1 else "one after the other"
    if expected.seconds is None:
        return f"{text}, {at_once}"
    return f"{text}, {at_once}, about {duration(expected.seconds)}, {max(1, round(expected.disk / 2**20))} MiB on disk"


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment variables that give a process this many threads.

    TensorFlow divides some sums among its threads, so their number decides about last bits. Every run of a study has
    the same number, whatever runs beside it.
    """
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(names, str(threads))
