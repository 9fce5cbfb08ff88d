"""The commands ``study``, ``study show``, ``study add-seeds``, ``study report`` and ``study export``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import (
    complete_recipe,
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    scheduling_options,
)
from dcgan_kit.cli.stop_signals import stoppable
from dcgan_kit.errors import TrainingStopped, UserError, counted
from dcgan_kit.process.exit_codes import WRONG_INPUT, status_of
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import StudyResult

RUN = "run"
STOPPED = "stopped by {}; what is finished stays, and the same command goes on"
GOES_ON = "`dcgan-kit study FOLDER/study.yaml --folder FOLDER` goes on; the same command would add more runs"


class _Studies(click.Group):
    """A group whose usual command needs no name: ``study FILE`` is ``study run FILE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks = args and args[0] in ("-h", "--help")
        if args and not asks and args[0] not in self.commands:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Studies)
def study() -> None:
    """Exchange something in a recipe, and measure what it does.

    A first study is `dcgan-kit study RECIPE --vary KEY=A,B --read NUMBER`; `dcgan-kit study FILE` does the study of a
    file. `dcgan-kit study run --help` lists the options of both. The other commands show what the study in a folder
    found, and go on with it.

    \b
    dcgan-kit study tiny-fashion28 --vary generator.upsample=transposed_conv,resize_conv --read checkerboard_2
    dcgan-kit study show studies/tiny-fashion28
    """  # noqa: D301


def _running(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that train."""
    fail_fast = click.option(
        "--fail-fast", is_flag=True, help="Stop at the first run that fails.  [default: train all others]"
    )
    return scheduling_options(fail_fast(command))


@study.command(RUN)
@click.argument("source", metavar="FILE|RECIPE", shell_complete=complete_recipe)
@overrides_argument
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY=A,B",
    help="Key of the recipe, and its values; may be repeated, for all combinations.",
)
@click.option("--read", default="", metavar="NAMES", help="Numbers to compare, such as fd, separated by commas.")
@click.option("--seeds", type=click.IntRange(1, 1000), metavar="N", help="Runs of each variant.  [default: 6]")
@click.option(
    "--budget",
    metavar="KIND=N",
    help="Training of each run: steps=, images=, seconds= or multiply_accumulates=.  [default: the recipe's steps]",
)
@click.option("--match", type=click.Choice(["parameters"]), help="Adapt widths until all variants have equally many.")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Threads of each run.  [default: 1]")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the study.  [default: studies/NAME of FILE or RECIPE]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be trained and how long it takes, and train nothing.")
@_running
@json_option
@plugin_options
@stoppable(STOPPED)
def run(
    source: str,
    overrides: tuple[str, ...],
    vary: tuple[str, ...],
    read: str,
    seeds: int | None,
    budget: str | None,
    match: str | None,
    threads: int | None,
    folder: Path | None,
    dry_run: bool,
    fail_fast: bool,
    processes: int | None,
    ray: str | None,
    as_json: bool,
) -> None:
    """Train variants of RECIPE, or those of a study FILE, with several seeds each, and compare them within seeds.

    The first values of --vary are the reference. The same command goes on after a stop, and trains no run twice.

    A FILE with `search` in place of `axes` trains trials one after the other, with values that Optuna chooses.

    \b
    dcgan-kit study run tiny-fashion28 --vary training.loss=hinge,wasserstein --read fd --seeds 6
    """  # noqa: D301
    from dcgan_kit.api import study_runs
    from dcgan_kit.api.study_plan import study_of
    from dcgan_kit.api.study_runner import described
    from dcgan_kit.cli.search import is_search, run_search

    if not vary and is_search(Path(source)):
        given = {"--read": read, "--seeds": seeds, "--budget": budget, "--match": match, "--threads": threads}
        run_search(Path(source), overrides, given, folder, dry_run, fail_fast, processes, ray, as_json)
        return
    definition = study_of(
        source,
        vary=vary or None,
        read=[name.strip() for name in read.split(",") if name.strip()],
        seeds=seeds,
        overrides=overrides,
        budget=_budget(budget),
        match=match,
        threads=threads,
        settings=plugin_settings(),
    )
    if dry_run:
        plan, estimate = study_runs.estimate(definition, folder, processes=processes, settings=plugin_settings())
        say(described(plan, estimate))
        return
    _show(
        study_runs.run_study(
            definition, folder, processes=processes, fail_fast=fail_fast, ray=ray, settings=plugin_settings()
        ),
        as_json,
    )


def _budget(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    kind, _, amount = text.partition("=")
    try:
        return {kind: int(amount) if amount.isdecimal() else float(amount)}
    except ValueError:
        raise UserError(f"--budget takes KIND=NUMBER, e.g. steps=2000. Received: {text!r}") from None


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@plugin_options
def show(folder: Path, as_json: bool) -> None:
    """Print what the study in FOLDER found so far. Trains nothing.

    \b
    dcgan-kit study show studies/tiny-fashion28
    """  # noqa: D301
    from dcgan_kit.api import study_runs
    from dcgan_kit.cli.search import is_search, show_search

    if is_search(folder / "study.yaml"):
        show_search(folder, as_json)
        return
    _print(study_runs.open_study(folder, settings=plugin_settings()), as_json)


@study.command("add-seeds")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("count", type=click.IntRange(1, 1000))
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="TITLE",
    help="Only this variant, as tables name it; may be repeated. Name the first one too: others are compared with it "
    "in the seeds that both have.  [default: all]",
)
@_running
@json_option
@plugin_options
@stoppable(f"stopped by {{}}; what is finished stays. {GOES_ON}")
def add_seeds(
    folder: Path,
    count: int,
    variants: tuple[str, ...],
    fail_fast: bool,
    processes: int | None,
    ray: str | None,
    as_json: bool,
) -> None:
    """Train COUNT more runs of each variant of the study in FOLDER.

    \b
    dcgan-kit study add-seeds studies/tiny-fashion28 2
    """  # noqa: D301
    from dcgan_kit.api import study_runs

    _show(
        study_runs.add_seeds(
            folder,
            count,
            variants=variants,
            processes=processes,
            fail_fast=fail_fast,
            ray=ray,
            settings=plugin_settings(),
        ),
        as_json,
        GOES_ON,
    )


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="The page.  [default: FOLDER/study.html]"
)
@click.option("--quick", is_flag=True, help="Draw no new samples; show the sample grids that the run folders hold.")
@click.option("--all-seeds", is_flag=True, help="Draw samples of the runs of all seeds.  [default: of seed 0]")
@plugin_options
def report(folder: Path, output: Path | None, quick: bool, all_seeds: bool) -> None:
    """Write an HTML page about the study in FOLDER, finished or not.

    The page shows what the study found, each number of each run, costs, samples and curves. It works offline and needs
    no other file.

    \b
    dcgan-kit study report studies/tiny-fashion28 --quick
    """  # noqa: D301
    from dcgan_kit.api.study_page import study_report

    study_report(folder, output, quick=quick, all_seeds=all_seeds, settings=plugin_settings())


@study.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@plugin_options
def export(folder: Path, file: Path) -> None:
    """Write the numbers of the study in FOLDER as a table to FILE, which ends in .csv or .parquet.

    The table is tidy: one row for each number of each run, with a column for each axis. Parquet needs pyarrow.

    \b
    dcgan-kit study export studies/tiny-fashion28 numbers.csv
    """  # noqa: D301
    from dcgan_kit.api.study_page import export_study

    export_study(folder, file, settings=plugin_settings())


@study.command("train-one", hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("identity")
@click.argument("numbers", nargs=-1)
@click.option("--untrained", is_flag=True)
@plugin_options
@stoppable()
def train_one(folder: Path, identity: str, numbers: tuple[str, ...], untrained: bool) -> None:
    """Train one run of a study; `study` starts it."""
    from dcgan_kit.api.study_worker import train_and_read

    try:
        train_and_read(folder, identity, numbers, plugin_settings(), untrained)
    except TrainingStopped as stopped:
        sys.exit(status_of(stopped.signal))


@study.command("time-one", hidden=True)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@plugin_options
@stoppable()
def time_one(recipe: Path, target: Path) -> None:
    """Measure the steps of a recipe; `study` starts it."""
    from dcgan_kit.api.study_worker import time_steps

    time_steps(recipe, target, plugin_settings())


@study.command("check-one", hidden=True)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("numbers", nargs=-1)
@plugin_options
@stoppable()
def check_one(recipe: Path, numbers: tuple[str, ...]) -> None:
    """Check that probes give some numbers; `study` starts it."""
    from dcgan_kit.api.study_worker import check_readings

    check_readings(recipe, numbers, plugin_settings())


def _show(result: StudyResult, as_json: bool, again: str = "the same command tries again") -> None:
    """Print the results of a study that ran, and end the process with the status that fits."""
    _print(result, as_json)
    if result.missing:
        note(f"{counted(result.missing, 'run')} did not finish; {again}")
        sys.exit(WRONG_INPUT)


def _print(result: StudyResult, as_json: bool) -> None:
    if as_json:
        facts(result.as_data())
    else:
        for number in result.numbers:
            columns = result.columns(number)
            table(tuple(columns), list(zip(*columns.values(), strict=True)), right=tuple(columns)[1:])
        for sentence in result.sentences():
            say(sentence)
