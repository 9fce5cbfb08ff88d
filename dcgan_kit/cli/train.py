"""The command ``train``."""

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
from dcgan_kit.terminal.console import note


@click.command()
@recipe_to_train
@overrides_argument
@run_option
@click.option(
    "--strategy",
    type=click.Choice(["auto", "one_device", "mirrored", "multi_worker", "tpu"]),
    help="Devices that share the work; short for distribute.strategy=…",
)
@may_change_option
@plugin_options
@stoppable()
def train(
    recipe: str, overrides: tuple[str, ...], path: Path | None, strategy: str | None, may_change: tuple[str, ...]
) -> None:
    """Train RECIPE, a name or a file (default: lecture-fashion28), with KEY=VALUE overrides.

    Writes a run folder. Ctrl-C saves a checkpoint; the same command resumes from it.

    \b
    dcgan-kit train lecture-fashion28
    dcgan-kit train lecture-fashion28 generator.upsample=resize_conv training.steps=1000 --run runs/resized
    """  # noqa: D301
    from dcgan_kit.api import train
    from dcgan_kit.errors import TrainingStopped

    source, overrides = recipe_and_overrides(recipe, overrides)
    if strategy is not None:
        overrides = (*overrides, f"distribute.strategy={strategy}")
    try:
        train(source, path, overrides=overrides, may_change=may_change, settings=plugin_settings())
    except TrainingStopped as stopped:
        note(f"stopped after step {stopped.step}, saved in {stopped.folder}; the same command goes on from there")
        sys.exit(status_of(stopped.signal))
