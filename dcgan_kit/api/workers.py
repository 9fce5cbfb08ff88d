"""Training with several workers on this machine."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.plugin_settings import plugin_options
from dcgan_kit.api.recipe import Recipe, usual_run
from dcgan_kit.api.run import Run, run_in
from dcgan_kit.api.trainer import loaded_recipe, require_trainable_in
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import Problem, RecipeError, TrainingStopped, WorkerFailed
from dcgan_kit.process.exit_codes import INTERRUPTED, PREEMPTED
from dcgan_kit.recipes.loading import Source
from dcgan_kit.terminal.console import note

STRATEGY = ("distribute", "strategy")
MULTI_WORKER = "multi_worker"
MOST_WORKERS = 64


def launch(
    recipe: Recipe | Source,
    folder: str | Path | None = None,
    *,
    workers: int = 2,
    overrides: Sequence[str] = (),
    may_change: Sequence[str] = (),
    settings: PluginSettings | None = None,
) -> Run:
    """Train a recipe with several workers on this machine, in the same way as on several machines.

    Starts ``dcgan-kit train`` once for each worker, with TF_CONFIG set. Stop signals are passed on to all workers.

    Args:
        recipe: a loaded recipe, or any source that ``load_recipe`` takes.
        folder: the run folder; default: ``runs/NAME`` of the recipe.
        workers: number of processes to start, 1 … 64.
        overrides: ``dotted.key=VALUE`` texts, if ``recipe`` is not loaded yet.
        may_change: keys in which the recipe may differ from the recipe that the run started with.
        settings: which plugins may be loaded, if ``recipe`` is not loaded yet; default: the settings of the
            environment.

    Raises:
        TrainingStopped: a signal stopped training; a checkpoint is saved.
        WorkerFailed: a worker failed; it has printed the reason.
        UserError: the recipe sets a strategy without workers, the data are missing, or the folder cannot be used.
    """
    require_whole("workers", workers, 1, MOST_WORKERS)
    # Problems of the recipe are reported here, once, before any worker starts.
    recipe = loaded_recipe(recipe, overrides, None if folder is None else Path(folder), settings)
    path, may_change = usual_run(recipe, folder), require_list("may_change", may_change)
    finished = require_trainable_in(path, _with_workers(recipe), may_change)
    if finished:
        note(finished)
        return run_in(path, (), recipe.settings)
    status = _run(recipe, path, workers, may_change)
    run = Run.of(recipe, path)
    if status in (PREEMPTED, INTERRUPTED):
        raise TrainingStopped(path, run.step, signal.SIGINT if status == INTERRUPTED else signal.SIGTERM)
    if status:
        raise WorkerFailed(path, status)
    return run


def _with_workers(recipe: Recipe) -> Recipe:
    """Return the recipe that the workers train.

    Raises:
        RecipeError: the recipe sets a strategy without workers.
    """
    resolved = recipe.resolved
    if resolved.distribute.strategy not in ("auto", MULTI_WORKER):
        message = (
            f"launch starts workers, and {resolved.distribute.strategy} has none; choose auto or {MULTI_WORKER}, or "
            "use the command train"
        )
        raise RecipeError([Problem(resolved.mark(STRATEGY), ".".join(STRATEGY), message)])
    distribute = resolved.distribute.model_copy(update={"strategy": MULTI_WORKER})
    loaded = replace(recipe.loaded, recipe=resolved.model_copy(update={"distribute": distribute}))
    return Recipe(loaded, recipe.source, recipe.overrides, recipe.settings)


def _run(recipe: Recipe, path: Path, workers: int, may_change: Sequence[str]) -> int:
    from dcgan_kit.distributed.launcher import run_workers

    changes = [argument for key in may_change for argument in ("--may-change", key)]
    options = [*plugin_options(recipe.settings), "--run", str(path), *changes]
    with tempfile.TemporaryDirectory(prefix="dcgan-kit-") as scratch:
        source, *overrides = _as_arguments(recipe, Path(scratch))
        overrides.append(f"{'.'.join(STRATEGY)}={MULTI_WORKER}")
        return run_workers(["train", *options, "--", source, *overrides], workers)


def _as_arguments(recipe: Recipe, scratch: Path) -> list[str]:
    """Return the recipe as command-line arguments: its name or path with its overrides, else a new file."""
    source = recipe.source
    if isinstance(source, os.PathLike) or (isinstance(source, str) and "\n" not in source):
        return [os.fspath(source), *recipe.overrides]
    file = scratch / f"{recipe.name}.yaml"
    file.write_text(recipe.as_yaml(), encoding="utf-8")
    return [str(file)]
