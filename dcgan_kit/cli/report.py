"""``report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcgan_kit.cli.console import note
from dcgan_kit.cli.options import plugin_options, plugin_settings, warn_of_broken
from dcgan_kit.cli.progress import Telling

if TYPE_CHECKING:
    from dcgan_kit.reports.comparisons import Looked
    from dcgan_kit.reports.facts import RunFacts

PAGE = "report.html"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page.  [default: RUN/report.html; of several runs, report.html beside the first]",
)
@click.option("--quick", is_flag=True, help="From the files alone: restore no checkpoint, load no data.")
@plugin_options
def report(runs: tuple[Path, ...], output: Path | None, quick: bool) -> None:
    """Write a page about a RUN folder, or about several side by side.

    One HTML file with samples, curves, scores, health, spectra, nearest neighbours and the recipe. It needs no network
    and no other file.
    """
    from dcgan_kit.errors import UserError
    from dcgan_kit.reports.facts import labels, read_facts
    from dcgan_kit.reports.page import page
    from dcgan_kit.runs.run_folder import write_asked

    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{output}: a report is a page; give a name that ends in .html")
    # A pattern such as runs/* finds the page about several runs too.
    runs = tuple(path for path in runs if len(runs) == 1 or path.name != PAGE or not path.is_file())
    if len({path.resolve() for path in runs}) < len(runs):
        raise UserError("a run is named twice; name each once")
    facts = [read_facts(path, label) for path, label in zip(runs, labels(runs), strict=True)]
    looked = {} if quick else {run.label: _looked(run) for run in facts}
    if output is None:
        output = (runs[0] if len(runs) == 1 else runs[0].absolute().parent) / PAGE
    content = page(facts, looked).encode()
    write_asked(output, content)
    note(f"{output}: {len(content) / 2**20:.1f} MiB about {', '.join(run.label for run in facts)}")


def _looked(run: RunFacts) -> Looked:
    """Restore the run's checkpoint and load its data; what cannot be done is told on the page."""
    from dcgan_kit.errors import UserError
    from dcgan_kit.reports.comparisons import Looked
    from dcgan_kit.runs.run_folder import RunFolder
    from dcgan_kit.runs.run_plugins import load_begun

    folder = RunFolder(run.path)
    try:
        loaded = load_begun(run.path, run.path, settings=plugin_settings())
        warn_of_broken(loaded.plugins)
        from dcgan_kit.cli.tensorflow_startup import start_tensorflow

        start_tensorflow()
        from dcgan_kit.reports.checkpoint_analysis import look

        with Telling() as told:
            return look(loaded.recipe, folder, lambda what, *far: told.tell(f"{run.label}: {what}", *far))
    except UserError as error:
        note(f"{run.label}: its networks cannot be looked at: {error}")
        return Looked(notes=(f"Its networks cannot be built: {error}",))
