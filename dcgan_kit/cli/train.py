"""``train`` and ``sample``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dcgan_kit.cli.console import facts, note
from dcgan_kit.cli.options import (
    json_option,
    may_change_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_and_overrides,
    recipe_to_train,
    run_option,
    warn_of_broken,
)
from dcgan_kit.cli.progress import Bar
from dcgan_kit.cli.stop_signals import status_of, stoppable
from dcgan_kit.distributed.stop_signals import deferred_signals


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
    """Train RECIPE, a name or a file (without one: lecture-fashion28), with KEY=VALUE overrides.

    Writes a run folder. Ctrl-C saves a checkpoint; the same command goes on from there.
    """
    from dcgan_kit.runs.run_folder import require_own, told_of_finished
    from dcgan_kit.runs.run_plugins import load_for, usual_folder

    recipe, overrides = recipe_and_overrides(recipe, overrides)
    if strategy is not None:
        overrides = (*overrides, f"distribute.strategy={strategy}")
    loaded = load_for(recipe, overrides, plugin_settings(), path)
    warn_of_broken(loaded.plugins)
    path = usual_folder(loaded.recipe.name) if path is None else path
    finished = told_of_finished(path, loaded.recipe, may_change)
    if finished:
        note(finished)
        return
    require_own(path, loaded.recipe, may_change)
    from dcgan_kit.data.loading import require_data

    require_data(loaded.recipe)
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    with deferred_signals():
        start_tensorflow()
        from dcgan_kit.evaluation.observer import observers_of
        from dcgan_kit.training.loop import train as run_training

    with _Progress(loaded.recipe.training.steps, loaded.recipe.training.batch_size) as progress:
        outcome = run_training(loaded.recipe, loaded.plugins, path, progress, may_change, observers_of)
    if outcome.stopped_by:
        note(f"{outcome.stopped_by} ended training after step {outcome.step}")
    if outcome.signal is None:
        note(
            f"done: {outcome.run.path} (samples in {outcome.run.samples}, "
            f"the generator is {outcome.run.generator_file})"
        )
        return
    note(f"stopped after step {outcome.step}, saved in {outcome.run.path}; the same command goes on from there")
    sys.exit(status_of(outcome.signal))


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Images to make.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=None, help="Of the latent vectors.  [default: by clock]"
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="PNG of the grid.  [default: RUN/sample-SEED.png; with --best or --raw, sample-SEED-best.png and so on]",
)
@click.option(
    "--each", type=click.Path(path_type=Path), metavar="DIR", help="Write each image to a file of its own here too."
)
@click.option("--best", is_flag=True, help="From the checkpoint that the run keeps for good.")
@click.option("--raw", is_flag=True, help="From the generator itself, where the run keeps an average of it too.")
@json_option
@plugin_options
def sample(
    run: Path,
    count: int,
    seed: int | None,
    output: Path | None,
    each: Path | None,
    best: bool,
    raw: bool,
    as_json: bool,
) -> None:
    """Make new images with the generator of a RUN folder."""
    from dcgan_kit.errors import UserError, counted
    from dcgan_kit.runs.run_folder import read_run, require_checkpoint
    from dcgan_kit.runs.run_plugins import load_begun

    if output is not None and output.suffix.lower() != ".png":
        raise UserError(f"{output}: a grid is a PNG; give a name that ends in .png")
    if each is not None and each.exists() and not each.is_dir():
        raise UserError(f"{each}: is not a folder; --each writes every image to its own file in a folder")
    _require_room(each, count)
    folder = read_run(run)
    loaded = load_begun(run, run, settings=plugin_settings())
    require_checkpoint(folder)
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.runs.sample_images import draw

    seed = int(time.time()) % 2**31 if seed is None else seed
    which = "".join(f"-{name}" for name, chosen in (("best", best), ("raw", raw)) if chosen)
    drawn = draw(loaded.recipe, run, count, seed, output or run / f"sample-{seed}{which}.png", each, raw, best)
    for line in drawn.notes:
        note(line)
    if as_json:
        facts(
            {
                "grid": str(drawn.grid),
                "count": count,
                "seed": seed,
                "step": drawn.step,
                "files": [str(f) for f in drawn.files],
            }
        )
    else:
        checkpoint, generator = "the best checkpoint, " * best, " of the generator without its average" * raw
        note(f"{drawn.grid}: {counted(count, 'image')} of {checkpoint}step {drawn.step} from seed {seed}{generator}")
        if each is not None:
            note(f"{each}: each of them in a file of its own")


def _require_room(each: Path | None, count: int) -> None:
    """Refuse a folder in which other files would lie among the new images: nobody could tell them apart."""
    from dcgan_kit.errors import UserError, counted

    if each is None or not each.exists():
        return
    others = {path.name for path in each.iterdir()} - {f"{index:05d}.png" for index in range(count)}
    if others:
        files = counted(len(others), "other file")
        raise UserError(f"{each}: holds {files}, such as {min(others)}; give an empty folder, or a new one")


class _Progress(Bar):
    """Tells how far a training is."""

    def __init__(self, steps: int, batch_size: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        super().__init__(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            transient=False,
        )
        self._steps, self._batch_size = steps, batch_size
        self._task = self.bar.add_task("train", total=steps, losses="reading images, compiling…")
        self._started: tuple[float, int] | None = None

    def preparing(self, what: str, done: int, total: int) -> None:
        """Show how far something is that comes before the first step."""
        self.bar.update(self._task, losses=f"{what}: {done:,} of {total:,}")
        self.line(f"{what}: {done:,} of {total:,}")

    def progress(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Move the bar."""
        losses = f"G {metrics['generator_loss']:.2f}  D {metrics['discriminator_loss']:.2f}"
        self.bar.update(self._task, completed=step, losses=losses)
        now, first = time.monotonic(), self._started is None
        self._started = self._started or (now, step)
        images, seconds = (step - self._started[1]) * self._batch_size, now - self._started[0]
        speed = f"  {images / seconds:.0f} images/s" if images else ""
        self.line(f"step {step} of {self._steps}  {losses}{speed}", at_once=first or step == self._steps)
