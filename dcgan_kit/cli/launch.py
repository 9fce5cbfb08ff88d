"""The command ``launch``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcgan_kit.cli.options import (
    may_change_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_and_overrides,
    recipe_to_train,
    run_option,
)
from dcgan_kit.cli.stop_signals import stoppable
from dcgan_kit.process.exit_codes import status_of


@click.command()
@recipe_to_train
@overrides_argument
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes to start.")
@run_option
@may_change_option
@plugin_options
@stoppable()
def launch(
    recipe: str, overrides: tuple[str, ...], workers: int, path: Path | None, may_change: tuple[str, ...]
) -> None:
    """Train RECIPE with several workers on this machine, in the same way as on several machines.

    Starts `dcgan-kit train` once for each worker, with TF_CONFIG set. Stop signals are passed on to all workers. The
    exit status is the worst status of all workers; 128 + N means that signal N killed a worker.

    \b
    dcgan-kit launch tiny-fashion28 --workers 2 --run runs/two
    """  # noqa: D301
    from dcgan_kit import api
    from dcgan_kit.errors import TrainingStopped, WorkerFailed

    source, overrides = recipe_and_overrides(recipe, overrides)
    try:
        api.launch(
            source, path, workers=workers, overrides=overrides, may_change=may_change, settings=plugin_settings()
        )
    except WorkerFailed as failed:
        sys.exit(failed.status)
    except TrainingStopped as stopped:
        sys.exit(status_of(stopped.signal))
