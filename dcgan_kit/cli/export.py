"""The command ``export``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.terminal.console import facts, note

FORMATS = ("keras", "savedmodel", "onnx", "litert")


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--format", "name", type=click.Choice(FORMATS), required=True, help="The format; docs/export.md compares them."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The file, or the folder of a SavedModel.  [default: RUN/export/NAME and an ending of the format]",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@json_option
@plugin_options
def export(run: Path, name: str, output: Path | None, best: bool, raw: bool, as_json: bool) -> None:
    """Write the generator of a RUN for other programs: a model with latent vectors as input and images as output.

    Before it is written, a fresh process loads the model, and its images are compared with those of the generator. A
    model card is written beside the model. An export that dcgan-kit wrote is replaced; other files are not.

    \b
    dcgan-kit export runs/lecture-fashion28 --format onnx
    dcgan-kit export runs/lecture-fashion28 --format keras --output clothes.keras
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api import open_run

    exported = open_run(run, settings=plugin_settings()).export(name, output, best=best, raw=raw)
    if as_json:
        facts(exported.as_data())
        return
    note(f"{exported.path}: written, {exported.size:,} bytes; {exported.difference}")
    note(f"{exported.card}: how to use it")
