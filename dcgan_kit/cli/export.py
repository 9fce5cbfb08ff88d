"""The command ``export``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.terminal.console import facts, note

FORMATS = ("keras", "savedmodel", "onnx", "litert", "npz")


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN|FILE|RECIPE")
@click.option(
    "--format", "name", type=click.Choice(FORMATS), required=True, help="The format; docs/export.md compares them."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file, or the folder of a SavedModel.  [default: NAME and the ending of the format, in RUN/export; "
    "without a run, here]",
)
@click.option(
    "--dtype",
    type=click.Choice(("float32", "float16")),
    default="float32",
    show_default=True,
    help="Type of the numbers in an npz file. float16 halves the file and rounds weights to 11 bits.",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@json_option
@plugin_options
def export(source: Path, name: str, output: Path | None, dtype: str, best: bool, raw: bool, as_json: bool) -> None:
    """Write a trained generator for other programs: latent vectors become images.

    It is that of a RUN folder, of a generator FILE, or one that comes with a RECIPE. Before the model is written, a
    fresh process loads it, and its images are compared with those of the generator. A model card is written beside it.
    An earlier export is replaced; other files are not.

    \b
    dcgan-kit export lecture-fashion28 --format keras
    dcgan-kit export runs/lecture-fashion28 --format onnx --output clothes.onnx
    dcgan-kit export runs/lecture-fashion28 --format npz --dtype float16
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api import open_generator

    opened = open_generator(source, settings=plugin_settings())
    exported = opened.export(name, output, dtype=dtype, best=best, raw=raw)
    if as_json:
        facts(exported.as_data())
        return
    note(f"{exported.path}: written, {exported.size:,} bytes; {exported.difference}")
    note(f"{exported.card}: how to use it")
