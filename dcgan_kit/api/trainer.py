"""Training a recipe in a run folder. If the folder holds a checkpoint, training resumes from it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.api.recipe import Recipe, usual_run
from dcgan_kit.api.run import Run
from dcgan_kit.components.plugin_loading import PluginSettings
from dcgan_kit.errors import TrainingStopped
from dcgan_kit.recipes.loading import Source
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import TrainingProgress

if TYPE_CHECKING:
    from dcgan_kit.training.loop import Outcome
    from dcgan_kit.training.observer import Watcher


def train(
    recipe: Recipe | Source,
    folder: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    may_change: Sequence[str] = (),
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> Run:
    """Train a recipe.

    If training was stopped, the same call resumes it. If the run is finished, the call returns at once. On Ctrl-C,
    SIGTERM and similar signals, it saves a checkpoint and raises ``TrainingStopped``.

    Args:
        recipe: a loaded recipe, or any source that ``load_recipe`` takes.
        folder: the run folder; default: ``runs/NAME`` of the recipe. Several workers must share one folder.
        overrides: ``dotted.key=VALUE`` texts, if ``recipe`` is not loaded yet.
        may_change: keys in which the recipe may differ from the recipe that the run started with.
        watcher: receives the progress; default: a progress bar on standard error.
        settings: which plugins may be loaded, if ``recipe`` is not loaded yet; default: the settings of the
            environment.

    Raises:
        TrainingStopped: a signal stopped training; a checkpoint is saved.
        UserError: the recipe cannot be built or trained, the data are missing, or the folder cannot be used.
    """
    if not isinstance(recipe, Recipe):
        recipe = recipe_to_train(recipe, overrides, None if folder is None else Path(folder), chosen(settings))
    path = usual_run(recipe, folder)
    say = note if watcher is None else watcher.note
    finished = require_trainable_in(path, recipe, may_change)
    if finished:
        say(finished)
        return Run.of(recipe, path)
    outcome = _trained(recipe, path, may_change, watcher)
    if outcome.stopped_by:
        say(f"{outcome.stopped_by} ended training after step {outcome.step}")
    if outcome.signal is not None:
        raise TrainingStopped(path, outcome.step, outcome.signal)
    run = outcome.run
    say(f"done: {run.path} (samples in {run.samples}, the generator is {run.generator_file})")
    return Run.of(recipe, path)


def recipe_to_train(source: Source, overrides: Sequence[str], folder: Path | None, settings: PluginSettings) -> Recipe:
    """Load a recipe to train it in a folder. If a plugin of the run is missing, the error names the plugin."""
    from dcgan_kit.runs.run_plugins import load_for

    loaded = load_for(source, overrides, settings, folder)
    warn_of_broken(loaded.plugins)
    return Recipe(loaded, source, overrides, settings)


def require_trainable_in(path: Path, recipe: Recipe, may_change: Sequence[str]) -> str:
    """Check the folder and the data. Return a message if the run is finished, else an empty text.

    Needs no TensorFlow.

    Raises:
        UserError: the folder holds anything other than a run of this recipe, or the data are missing.
    """
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.runs.run_folder import require_own, told_of_finished

    finished = told_of_finished(path, recipe.resolved, may_change)
    if not finished:
        require_own(path, recipe.resolved, may_change)
        require_data(recipe.resolved)
    return finished


def _trained(recipe: Recipe, path: Path, may_change: Sequence[str], watcher: Watcher | None) -> Outcome:
    from dcgan_kit.process.stop_signals import deferred_signals
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    with deferred_signals():
        start_tensorflow()
        from dcgan_kit.evaluation.observer import observers_of
        from dcgan_kit.training.loop import train as run_training
    training = recipe.resolved.training
    watching: AbstractContextManager[Watcher] = (
        TrainingProgress(training.steps, training.batch_size) if watcher is None else nullcontext(watcher)
    )
    with watching as told:
        return run_training(recipe.resolved, recipe.plugins, path, told, may_change, observers_of)
