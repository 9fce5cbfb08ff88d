"""The command ``report``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import plugin_options, plugin_settings


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page.  [default: RUN/report.html; of several runs, report.html beside the first]",
)
@click.option("--quick", is_flag=True, help="Use only the files of the run: restore no checkpoint, load no data.")
@click.option(
    "--generator",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Embed the generator of a single RUN: the page then makes new samples offline. FOLDER is where `npm install "
    "onnxruntime-web` was run, or that package.",
)
@plugin_options
def report(runs: tuple[Path, ...], output: Path | None, quick: bool, generator: Path | None) -> None:
    """Write an HTML report about a RUN folder, or about several runs side by side.

    The page shows samples, curves, scores, health, spectra, nearest neighbours and the recipe. It works offline and
    needs no other file. With --generator it makes new samples by itself.

    \b
    dcgan-kit report runs/lecture-fashion28
    dcgan-kit report runs/lecture-fashion28 runs/resized --quick
    """  # noqa: D301
    from dcgan_kit.api import report

    report(runs, output, quick=quick, generator=generator, settings=plugin_settings())
