"""The command ``sample``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.errors import UserError
from dcgan_kit.terminal.console import facts, note

ROW = 8
"""Images in a row of ``--between``."""
COUNT = 64


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
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN|FILE|RECIPE")
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=None,
    help=f"Number of images to make.  [default: {COUNT}; with --interpolate the most whole rows in {COUNT}, but at "
    "least two]",
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
    help="A file: .png, a grid; .npz, arrays of images and latent vectors; .gif or .mp4, one image after the other.  "
    "[default: RUN/sample-SEED.png, without a run NAME-sample-SEED.png; with --best or --raw, sample-SEED-best.png and "
    "so on]",
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
@click.option(
    "--interpolate",
    "steps",
    type=click.IntRange(2, 1000),
    metavar="STEPS",
    help="Walk from each latent vector to the next in this many images, and from the last back to the first.",
)
@click.option(
    "--truncation",
    type=click.FloatRange(0.0, 1.0),
    default=1.0,
    show_default=True,
    help="Multiply latent vectors by this: below 1, samples are nearer to the mean, and more alike.",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@json_option
@plugin_options
def sample(
    source: Path,
    count: int | None,
    seed: int | None,
    output: Path | None,
    each: Path | None,
    label: int | None,
    between: tuple[int, int] | None,
    steps: int | None,
    truncation: float,
    best: bool,
    raw: bool,
    as_json: bool,
) -> None:
    """Make new images with a trained generator.

    It is that of a RUN folder, of a generator FILE (see dcgan-kit export), or one that comes with a RECIPE.

    \b
    dcgan-kit sample lecture-fashion28
    dcgan-kit sample runs/lecture-fashion28 --count 16 --seed 1
    dcgan-kit sample runs/lecture-fashion28 --interpolate 20 --count 100 --output walk.gif
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api import open_generator
    from dcgan_kit.api.sample_files import require_apart, require_sample_files, samples_of, write_samples
    from dcgan_kit.errors import counted

    count = _usual_count(steps) if count is None else count
    require_sample_files(count, output, each)
    _require_rows(count, label, between, steps)
    opened = open_generator(source, settings=plugin_settings())
    if output is not None:
        require_apart(output, opened.path)
    if steps is not None and label is None and opened.resolved.classes is not None:
        raise UserError("--interpolate: give --class too; a walk stays in one class")
    seed = int(time.time()) % 2**31 if seed is None else seed
    row = steps or (ROW if between else None)
    latent = opened.latent_vectors(count // (row or 1), seed=seed)
    samples = samples_of(opened, latent, label, between, row, truncation, raw=raw, best=best)
    which = "" if label is None else f"-class-{label}"
    which += "" if between is None else f"-class-{between[0]}-to-{between[1]}"
    which += "" if steps is None else "-walk"
    which += "" if truncation == 1.0 else f"-truncation-{truncation:g}"
    which += "".join(f"-{name}" for name, chosen in (("best", best), ("raw", raw)) if chosen)
    file = output or _usual_file(source, opened.resolved.name, f"sample-{seed}{which}.png")
    # Without a chosen class, there is one column for each.
    columns = row if row else opened.resolved.classes if label is None else None
    files = write_samples(samples, file, each, columns=columns)
    step, messages = opened.sampled_from(best)
    for line in messages:
        note(line)
    if as_json:
        facts({"grid": str(file), "count": count, "seed": seed, "step": step, "files": [*map(str, files)]})
        return
    checkpoint, generator = "the best checkpoint, " * best, " of the generator without its average" * raw
    in_turn = "" if columns is None or row else ", each class in turn, from 0"
    note(f"{file}: {counted(count, 'image')} of {checkpoint}step {step} from seed {seed}{generator}{in_turn}")
    if each is not None:
        note(f"{each}: each of them in a file of its own")


def _usual_file(source: Path, name: str, file: str) -> Path:
    return source / file if source.is_dir() else Path(f"{name}-{file}")


def _usual_count(steps: int | None) -> int:
    # A walk from one latent vector to itself would show one image again and again.
    return COUNT if steps is None else steps * max(2, COUNT // steps)


def _require_rows(count: int, label: int | None, between: tuple[int, int] | None, steps: int | None) -> None:
    if between is not None and label is not None:
        raise UserError("--class makes images of one class, and --between goes from one to another: give one of them")
    if between is not None and steps is not None:
        raise UserError("--between walks from class to class, and --interpolate between latent vectors: give one")
    row, option = (steps, "--interpolate") if steps else (ROW if between else 1, "--between")
    if count % row:
        raise UserError(
            f"--count: must be a multiple of {row} with {option}, because rows are whole. Received: {count}"
        )
