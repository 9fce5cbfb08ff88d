"""The command ``film``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import plugin_options, plugin_settings
from dcgan_kit.terminal.console import note


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="A file that ends in .gif or .mp4.  [default: RUN/film.gif]",
)  # fmt: skip
@click.option("--seconds", type=float, default=8.0, show_default=True, help="How long it takes.")
@click.option("--raw", is_flag=True, help="Show the generator itself, not its moving average.")
@plugin_options
def film(run: Path, output: Path | None, seconds: float, raw: bool) -> None:
    """Show the training of a RUN as a moving picture: its sample grids, from step 0 on.

    \b
    dcgan-kit film runs/lecture-fashion28
    dcgan-kit film runs/lecture-fashion28 --output training.mp4 --seconds 20
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api import open_run

    note(f"written: {open_run(run, settings=plugin_settings()).film(output, seconds=seconds, raw=raw)}")
