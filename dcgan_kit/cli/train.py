"""The commands ``train`` and ``sample``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from dcgan_kit.cli.options import (
    json_option,
    may_change_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_and_overrides,
    recipe_to_train,
    run_option,
)
from dcgan_kit.cli.stop_signals import stoppable
from dcgan_kit.errors import UserError
from dcgan_kit.process.exit_codes import status_of
from dcgan_kit.terminal.console import facts, note

ROW = 8
"""Images in a row that goes from one class to another."""


class _ClassNumber(click.IntRange):
    """The number of a class."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"a class is a whole number, 0 or more. Received: {value!r}", param, ctx)


CLASS_NUMBER = _ClassNumber(min=0)
"""The type of arguments that name a class."""


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
    """
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


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Number of images to make."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=None,
    help="Seed of the latent vectors.  [default: from the clock]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="PNG file of the grid.  [default: RUN/sample-SEED.png; with --best or --raw, sample-SEED-best.png and so on]",
)
@click.option(
    "--each",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Also write each image to its own file in this folder.",
)
@click.option(
    "--class",
    "label",
    type=CLASS_NUMBER,
    metavar="NUMBER",
    help="Make images of this class only, from 0.  [default: every class in turn, if the recipe has classes]",
)
@click.option(
    "--between",
    type=(CLASS_NUMBER, CLASS_NUMBER),
    metavar="FIRST SECOND",
    help=f"Move from one class to another in each row of {ROW} images, with one latent vector.",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@json_option
@plugin_options
def sample(
    run: Path,
    count: int,
    seed: int | None,
    output: Path | None,
    each: Path | None,
    label: int | None,
    between: tuple[int, int] | None,
    best: bool,
    raw: bool,
    as_json: bool,
) -> None:
    """Make new images with the generator of a RUN folder."""
    from dcgan_kit.api import open_run
    from dcgan_kit.api.sample_images import require_sample_files, write_samples
    from dcgan_kit.errors import counted

    require_sample_files(count, output, each)
    if between is not None:
        _require_rows(count, label)
    opened = open_run(run, settings=plugin_settings())
    seed = int(time.time()) % 2**31 if seed is None else seed
    if between is None:
        images = opened.sample(count, seed=seed, label=label, raw=raw, best=best)
        which = "" if label is None else f"-class-{label}"
    else:
        rows = opened.interpolate(*between, count=count // ROW, steps=ROW, seed=seed, raw=raw, best=best)
        images, which = rows.reshape(count, *rows.shape[2:]), f"-class-{between[0]}-to-{between[1]}"
    which += "".join(f"-{name}" for name, chosen in (("best", best), ("raw", raw)) if chosen)
    grid = output or run / f"sample-{seed}{which}.png"
    # Without a chosen class, there is one column for each.
    columns = ROW if between else opened.resolved.classes if label is None else None
    files = write_samples(images, grid, each, columns=columns)
    restored = opened.restored(best)
    for line in restored.notes:
        note(line)
    if as_json:
        facts({"grid": str(grid), "count": count, "seed": seed, "step": restored.step, "files": [*map(str, files)]})
        return
    checkpoint, generator = "the best checkpoint, " * best, " of the generator without its average" * raw
    in_turn = "" if columns is None or between else ", each class in turn, from 0"
    note(f"{grid}: {counted(count, 'image')} of {checkpoint}step {restored.step} from seed {seed}{generator}{in_turn}")
    if each is not None:
        note(f"{each}: each of them in a file of its own")


def _require_rows(count: int, label: int | None) -> None:
    if label is not None:
        raise UserError("--class makes images of one class, and --between goes from one to another: give one of them")
    if count % ROW:
        raise UserError(
            f"--count: must be a multiple of {ROW} with --between, because rows are whole. Received: {count}"
        )
