"""The command ``train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
from dcgan_kit.terminal.console import facts, note, say, table
from dcgan_kit.terminal.quantities import duration, short_duration, size

if TYPE_CHECKING:
    from dcgan_kit.api.results import Estimate


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
@click.option(
    "--estimate",
    "only_estimate",
    is_flag=True,
    help="Say how long it takes, and how much memory and disk, measured on a few steps; train nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="With --estimate: print JSON for programs.")
@plugin_options
@stoppable()
def train(
    recipe: str,
    overrides: tuple[str, ...],
    path: Path | None,
    strategy: str | None,
    may_change: tuple[str, ...],
    only_estimate: bool,
    as_json: bool,
) -> None:
    """Train RECIPE, a name or a file (default: lecture-fashion28), with KEY=VALUE overrides.

    Writes a run folder. Ctrl-C saves a checkpoint; the same command resumes from it.

    \b
    dcgan-kit train lecture-fashion28
    dcgan-kit train lecture-fashion28 generator.upsample=resize_conv training.steps=1000 --run runs/resized
    """  # noqa: D301
    from dcgan_kit.api import train
    from dcgan_kit.errors import TrainingStopped

    if as_json and not only_estimate:
        raise click.UsageError("--json goes with --estimate; a training writes its numbers to metrics.jsonl")
    source, overrides = recipe_and_overrides(recipe, overrides)
    if strategy is not None:
        overrides = (*overrides, f"distribute.strategy={strategy}")
    if only_estimate:
        _estimate(source, path, overrides, as_json)
        return
    try:
        train(source, path, overrides=overrides, may_change=may_change, settings=plugin_settings())
    except TrainingStopped as stopped:
        note(f"stopped after step {stopped.step}, saved in {stopped.folder}; the same command goes on from there")
        sys.exit(status_of(stopped.signal))


def _estimate(source: str, path: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    from dcgan_kit.api import estimate

    found = estimate(source, path, overrides=overrides, settings=plugin_settings())
    if not found.chief:
        note("the first worker prints the estimate")
    elif as_json:
        facts(found.as_data())
    else:
        _show(found)


def _show(found: Estimate) -> None:
    low, high = (duration(seconds) for seconds in found.range)
    spread = f" ({low} to {high} at the speed of the fastest and of the slowest steps)" if low != high else ""
    say(f"{found.recipe}: {found.steps:,} steps take about {duration(found.seconds)}{spread}, on {found.devices}")
    rows = [
        ("start: imports, images, compiling", "1", short_duration(found.start), short_duration(found.start), "–"),
        _row("step", found.steps, found.step, 0),
        *(_row(one.name, one.times, one.seconds, one.bytes) for one in found.occasions),
    ]
    table(("what", "times", "each", "together", "on disk"), rows, right=("times", "each", "together", "on disk"))
    measured = f"{found.measured:,} measured; a step took {short_duration(found.fastest)} to "
    say(f"steps: {measured}{short_duration(found.slowest)}")
    gpu = "" if found.gpu_memory is None else f", and {size(found.gpu_memory)} on the GPU"
    say(f"memory: {size(found.memory)} at most{gpu}")
    kept = f"{found.checkpoints} checkpoints of {size(found.checkpoint)} at most at a time"
    say(f"disk: {size(found.disk)}: {kept}, and the rest of the table; {size(found.free)} are free")
    if found.free < found.disk:
        note("warning: that is more than the disk has: lower training.keep, or choose another folder with --run")


def _row(name: str, times: int, seconds: float, bytes_each: int) -> tuple[str, ...]:
    kept = size(times * bytes_each) if bytes_each else "–"
    spent = [short_duration(number) if number else "–" for number in (seconds, times * seconds)]
    return name, f"{times:,}", *spent, kept
