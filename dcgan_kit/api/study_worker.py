"""The processes of a study: one trains a run and reads its numbers, one measures how long steps take."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.recipe import Recipe, load_recipe
from dcgan_kit.api.run import Run
from dcgan_kit.api.trainer import train
from dcgan_kit.errors import TrainingDiverged, TrainingStopped, UserError
from dcgan_kit.files import read_regular, write_whole
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.runs.folder_lock import wait_until_free
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import Quiet

if TYPE_CHECKING:
    from dcgan_kit.components.contracts.probe import Probe
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.components.registry import Registry
    from dcgan_kit.studies.readings import Cost, Reading, View

STEP = "step "
SECONDS = "study_seconds.txt"
"""In the folder of a run that was stopped: the seconds that it was trained so far."""
SECONDS_BETWEEN_LINES = 0.5


class EndlessNumber(UserError):
    """A number of a finished run is infinite or undefined. As divergence, this is a result of the run."""


class StepLines:
    """Prints the progress of a training as lines for the process that started this one."""

    def __init__(self) -> None:
        self._last = -math.inf

    def note(self, message: str) -> None:
        """Print a message."""
        note(message)

    def preparation(self, task: str, done: int, total: int) -> None:
        """Print nothing, because the run has not begun."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Print the number of steps, at most twice a second."""
        now = time.monotonic()
        if now - self._last > SECONDS_BETWEEN_LINES:
            self._last = now
            note(f"{STEP}{step}")


def train_and_read(
    folder: Path, identity: str, numbers: Sequence[str], settings: PluginSettings, untrained: bool = False
) -> None:
    """Train a run of a study to its end, and read its numbers into the run folder. A failure is written down.

    Args:
        folder: the folder of the study.
        identity: the identity of the run, whose recipe is in the folder.
        numbers: names of the numbers, as ``studies.readings.expanded`` returns them.
        settings: which plugins may be loaded.
        untrained: whether probes read the networks before training, and nothing is trained.

    Raises:
        UserError: the run cannot be trained here, or it failed.
        TrainingStopped: a signal stopped training; the same call goes on.
    """
    from dcgan_kit.studies.folder import StudyFolder

    home = StudyFolder(folder)
    recipe = load_recipe(str(home.recipe(identity)), settings=settings)
    if untrained:
        _write_untrained(recipe, home.run(identity), numbers)
        return
    wait_until_free(RunFolder(home.run(identity)), lambda: note("another process still trains this run; waiting"))
    before, begun = _seconds_before(home.run(identity)), time.monotonic()
    try:
        run = train(recipe, home.run(identity), watcher=StepLines())
        _write_readings(run, numbers, before + time.monotonic() - begun, settings)
    except TrainingStopped:
        file = home.run(identity) / SECONDS
        if file.parent.is_dir():
            with writing(file):
                write_whole(file, f"{before + time.monotonic() - begun:.3f}\n".encode())
        raise
    except (TrainingDiverged, EndlessNumber) as error:
        file = home.failure(identity)
        with writing(file):
            # A study can be moved, so the place of its folder is left out.
            write_whole(file, f"{error}\n".replace(str(home.run(identity)), f"runs/{identity}").encode())
        raise


def _seconds_before(run: Path) -> float:
    """Return how long a run was trained before it was stopped; 0 if nothing that can be read says it."""
    try:
        found = float(read_regular(run / SECONDS, 100, follow_links=False))
    except (OSError, ValueError):
        return 0.0
    return found if 0.0 <= found < math.inf else 0.0


def _write_untrained(recipe: Recipe, path: Path, numbers: Sequence[str]) -> None:
    from dcgan_kit.studies.readings import FILE, Readings, read_readings

    before = read_readings(path)
    known, findings = _probed(recipe, recipe.plugins.registry, numbers)
    content = Readings(
        {**(before.numbers if before else {}), **known}, _cost(recipe, 0, 0.0), tuple(findings)
    ).as_json()
    with writing(path / FILE):
        write_whole(path / FILE, content)


def _write_readings(run: Run, numbers: Sequence[str], seconds: float, settings: PluginSettings) -> None:
    from dcgan_kit.api.catalogue import everything
    from dcgan_kit.evaluation.selection import numbers_of_scores
    from dcgan_kit.studies.readings import FILE, Readings, read_readings, wanted

    registry = run.plugins.registry
    bare = {name.partition("@")[0] for name in numbers if "/" not in name}
    if not bare <= {number for of in numbers_of_scores(registry).values() for number in of}:
        registry = everything(settings).registry
    before = read_readings(run.path)
    known = dict(before.numbers) if before else {}
    need = wanted([name for name in numbers if name not in known], registry)
    findings = list(before.findings) if before else []
    for view, scores in need.scores.items():
        known.update(_scored(run, view, scores, settings))
    if need.probes:
        found, findings = _probed(run, registry, [name for name in numbers if "/" in name])
        known.update(found)
    lacking = [name for name in numbers if name not in known]
    endless = [name for name in numbers if name in known and not math.isfinite(known[name].value)]
    if lacking:
        raise UserError(f"{', '.join(lacking)}: is not given for these images")
    if endless:
        raise EndlessNumber(f"{', '.join(endless)}: is no finite number")
    finite = {name: one for name, one in known.items() if math.isfinite(one.value)}
    cost = before.cost if before else _cost(run.recipe, run.resolved.training.steps, seconds)
    run.folder.write(run.path / FILE, Readings(finite, cost, tuple(findings)).as_json())


def _probed(networks: Run | Recipe, registry: Registry, numbers: Sequence[str]) -> tuple[dict[str, Reading], list[str]]:
    """Return the readings that some names mean, and what the probes found that gave them.

    Quick probes come first, and those that train some steps come last; the first that gives a reading ends the search.
    """
    from dcgan_kit.probing.probe_run import build_probes, by_default
    from dcgan_kit.studies.readings import Reading, matching, mean_reading, unknown_reading

    probes = build_probes([by_default(component) for component in registry.of_kind("probe")])
    known: dict[str, Reading] = {}
    findings: list[str] = []
    every: dict[str, float] = {}
    for group in (0, 1, 2):
        names = [one.component.name for one in probes if _price(one.probe) == group]
        if len(known) == len(numbers) or not names:
            continue
        examination = networks.probe(names, watcher=Quiet())
        readings = {name: value for of in examination.now.values() for name, value in of.items()}
        every.update(readings)
        for pattern in (pattern for pattern in numbers if pattern not in known and matching(pattern, readings)):
            known[pattern] = Reading(mean_reading(pattern, readings))
        findings += [str(finding) for finding in examination.findings]
    lacking = [pattern for pattern in numbers if pattern not in known]
    if lacking:
        raise UserError(unknown_reading(lacking[0], every))
    return known, findings


def _price(probe: Probe) -> int:
    return 2 if probe.second is not None else 0 if probe.cheap else 1


def _scored(run: Run, view: View, scores: Sequence[str], settings: PluginSettings) -> Mapping[str, Reading]:
    from dcgan_kit.api.evaluate import evaluate_run
    from dcgan_kit.studies.readings import Reading
    from dcgan_kit.studies.results import finite

    evaluation = evaluate_run(
        run, settings, scores, view.extractor, None, None, size=view.size, raw=False, best=False, watcher=Quiet()
    )
    return {
        f"{one.number}{view}": Reading(float(one.value), finite(one.floor), one.better) for one in evaluation.numbers
    }


def _cost(recipe: Recipe, steps: int, seconds: float) -> Cost:
    from dcgan_kit.studies.budget import training_cost
    from dcgan_kit.studies.readings import Cost

    summary = recipe.summary()
    generator = summary.generator.trainable_parameters
    return Cost(
        parameters=generator + summary.discriminator.trainable_parameters,
        generator_parameters=generator,
        multiply_accumulates=float(training_cost(recipe.resolved, steps)),
        seconds=seconds,
    )


def time_steps(recipe_file: Path, target: Path, settings: PluginSettings) -> None:
    """Measure how long steps of a recipe take, and write the timing to a file.

    Raises:
        UserError: the recipe cannot be trained, or the file cannot be written.
    """
    # The start of Python itself, before this, takes a fraction of a second.
    started = time.monotonic()
    recipe = load_recipe(str(recipe_file), settings=settings)
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.studies.step_times import measured

    recipe.count_classes()
    timing: Any = measured(recipe.resolved, recipe.plugins, started)
    with writing(target):
        write_whole(target, timing.model_dump_json().encode() + b"\n")


def check_readings(recipe_file: Path, numbers: Sequence[str], settings: PluginSettings) -> None:
    """Check that probes give some numbers in the networks of a recipe before training.

    Raises:
        UserError: no probe gives one of them.
    """
    recipe = load_recipe(str(recipe_file), settings=settings)
    tensorflow_startup.start_tensorflow()
    _probed(recipe, recipe.plugins.registry, numbers)
