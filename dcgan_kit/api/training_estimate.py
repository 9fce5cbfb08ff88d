"""What a training will take: measured on a few steps, before it begins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.recipe import Recipe, usual_run
from dcgan_kit.api.trainer import loaded_recipe
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.terminal.progress import progress_to

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.recipes.loading import Source
    from dcgan_kit.terminal.progress import Watcher
    from dcgan_kit.training.estimate import Estimate


def estimate(
    recipe: Recipe | Source,
    folder: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    watcher: Watcher | None = None,
    settings: PluginSettings | None = None,
) -> Estimate:
    """Measure what a training will take: time, memory and disk. It trains a few real steps, and keeps none of them.

    The steps have the batch, precision and devices of the training. What happens between steps is measured once or
    twice each: sample grids, scores, probes, checkpoints. All files go to a temporary folder, which is removed.
    Callbacks of plugins are not called.

    Args:
        recipe: a loaded recipe, or any source that ``load_recipe`` takes.
        folder: the run folder of the training, on whose disk there must be room; default: ``runs/NAME`` of the recipe.
            It is not touched.
        overrides: ``dotted.key=VALUE`` texts, if ``recipe`` is not loaded yet.
        watcher: receives the progress; default: a progress bar on standard error.
        settings: which plugins may be loaded, if ``recipe`` is not loaded yet; default: the settings of the
            environment.

    Returns:
        Times in seconds and sizes in bytes: ``seconds`` and ``range`` of the whole training, ``step``, ``fastest`` and
        ``slowest`` of one step, ``start``, ``occasions``, ``memory``, ``gpu_memory``, ``disk``, ``free``.

    Raises:
        UserError: the recipe cannot be built or trained, or the data are missing.
    """
    started = time.monotonic()
    recipe = loaded_recipe(recipe, overrides, None, settings)
    path = usual_run(recipe, folder)
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.runs.warm_start import require_start

    require_data(recipe.count_classes())
    require_start(recipe.resolved)
    from dcgan_kit.process.stop_signals import deferred_signals

    with deferred_signals():
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.evaluation.observer import observers_of
        from dcgan_kit.training.measurement import measured_estimate

        with progress_to(watcher) as progress:
            return measured_estimate(recipe.resolved, recipe.plugins, path, progress, observers_of, started)
