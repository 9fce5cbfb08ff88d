"""Training a recipe in a run folder. If the folder holds a checkpoint, training resumes from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list
from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.api.recipe import Recipe, usual_run
from dcgan_kit.api.run import Run, run_in
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import TrainingStopped, UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.recipes.loading import Source
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import TrainingProgress, progress_to

if TYPE_CHECKING:
    from dcgan_kit.terminal.progress import Watcher
    from dcgan_kit.training.loop import Outcome


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
    recipe = loaded_recipe(recipe, overrides, None if folder is None else Path(folder), settings)
    path = usual_run(recipe, folder)
    say = note if watcher is None else watcher.note
    may_change = require_list("may_change", may_change)
    finished = require_trainable_in(path, recipe, may_change)
    if finished:
        say(finished)
        return run_in(path, (), recipe.settings)
    outcome = _trained(recipe, path, may_change, watcher)
    if outcome.stopped_by:
        say(f"{outcome.stopped_by} ended training after step {outcome.step}")
    if outcome.signal is not None:
        raise TrainingStopped(path, outcome.step, outcome.signal)
    run = outcome.run
    say(f"done: {run.path} (samples in {run.samples}, the generator is {run.generator_file})")
    return Run.of(recipe, path)


def loaded_recipe(
    recipe: Recipe | Source, overrides: Sequence[str], folder: Path | None, settings: PluginSettings | None
) -> Recipe:
    """Return a recipe to train in a folder, loaded if it is not yet.

    Raises:
        UserError: the recipe is loaded already, and overrides or settings are given too; or it cannot be loaded. If a
            plugin of the run in the folder is missing, the error names the plugin.
    """
    overrides = require_list("overrides", overrides)
    if isinstance(recipe, Recipe):
        if overrides or settings is not None:
            argument = "overrides" if overrides else "settings"
            raise UserError(f"{argument}: {recipe.name} is loaded already; give them to load_recipe")
        return recipe
    from dcgan_kit.runs.run_plugins import load_training_recipe

    settings = chosen(settings)
    loaded = load_training_recipe(recipe, overrides, settings, folder)
    warn_of_broken(loaded.plugins)
    return Recipe(loaded, recipe, overrides, settings)


def require_trainable_in(path: Path, recipe: Recipe, may_change: Sequence[str]) -> str:
    """Check the folder and the data. Return a message if the run is finished, else an empty text.

    Needs no TensorFlow.

    Raises:
        UserError: the folder holds anything other than a run of this recipe, or the data are missing.
    """
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.runs.recipe_differences import finished_message
    from dcgan_kit.runs.run_folder import RunFolder
    from dcgan_kit.runs.training_folder import require_own
    from dcgan_kit.runs.warm_start import require_start

    # A run keeps the number of classes in its recipe, so it is compared with that.
    recipe.count_classes()
    finished = finished_message(path, recipe.resolved, may_change)
    if not finished:
        require_own(path, recipe.resolved, may_change)
        require_data(recipe.resolved)
        require_start(recipe.resolved, RunFolder(path))
    return finished


def _trained(recipe: Recipe, path: Path, may_change: Sequence[str], watcher: Watcher | None) -> Outcome:
    from dcgan_kit.process.stop_signals import deferred_signals

    with deferred_signals():
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.evaluation.observer import observers_of
        from dcgan_kit.training.loop import train as run_training
    training = recipe.resolved.training
    with progress_to(watcher, partial(TrainingProgress, training.steps, training.batch_size)) as progress:
        return run_training(recipe.resolved, recipe.plugins, path, progress, may_change, observers_of)
