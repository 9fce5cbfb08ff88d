"""The command ``evaluate``: scores of images, each with its floor."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.errors import UserError, counted
from dcgan_kit.process.exit_codes import WRONG_INPUT
from dcgan_kit.terminal.console import facts, note, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import Calibration, Evaluation

_PATH = click.Path(path_type=Path)
MOST_CLASSES = 100
"""Most rows of the table of classes."""


@click.command()
@click.argument("run", type=_PATH, required=False)
@click.option(
    "--fake", type=_PATH, metavar="PATH", help="Images to evaluate instead of a run: a folder, .zip, .npz or .npy."
)
@click.option("--real", type=_PATH, metavar="PATH", help="Real images to compare them with, in the same formats.")
@click.option("--size", metavar="HxWxC", help="Resize samples and real images to this size, e.g. 64x64x3.")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Instead of a run, evaluate the embedded images and copies of them with known faults.",
)
@click.option(
    "--scores",
    metavar="NAMES",
    help="Scores, separated by commas; NAME:option=value sets an option.  [default: all]",
)
@click.option(
    "--class-scores",
    metavar="NAMES",
    help="Scores of each class by itself, if the recipe of the RUN has classes.  [default: kid; none with --scores]",
)
@click.option("--samples", type=click.IntRange(2, 1_000_000), metavar="N", help="Number of images to evaluate.")
@click.option(
    "--extractor",
    metavar="NAME",
    help="Component that computes features of images.  [default: chosen by the images; the output names it]",
)
@click.option(
    "--judges/--no-judges",
    default=None,
    help="Let several unlike judges look at the images too.  [default: without --scores and --extractor]",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@click.option(
    "--against",
    type=_PATH,
    metavar="RUN",
    help="Add a column with the numbers of another evaluation: a run folder or an evaluation file.",
)
@json_option
@plugin_options
def evaluate(
    run: Path | None,
    fake: Path | None,
    real: Path | None,
    size: str | None,
    calibrate: bool,
    scores: str | None,
    class_scores: str | None,
    samples: int | None,
    extractor: str | None,
    judges: bool | None,
    best: bool,
    raw: bool,
    against: Path | None,
    as_json: bool,
) -> None:
    """Compare samples of a RUN, or other images, with real images by scores.

    Each number comes with its floor: the score that real images get in place of the samples. Then several judges look
    at the samples, each in another way, and the command says where they disagree. Writes RUN/evaluation.json; with
    --best or --raw, RUN/evaluation-best.json and so on. If a score fails, the command shows the others and exits with
    status 2. docs/measures.md explains the numbers and when not to trust them.

    \b
    dcgan-kit evaluate runs/lecture-fashion28
    dcgan-kit evaluate runs/lecture-fashion28 --scores kid,precision_recall:k=5 --samples 500
    dcgan-kit evaluate --fake my/samples --real my/photographs
    """  # noqa: D301
    from dcgan_kit.api import calibrate as calibrated
    from dcgan_kit.api import evaluate_images, open_run
    from dcgan_kit.api.evaluations import evaluation_file, read_evaluation

    _require_one_subject(run, fake, real, calibrate)
    _require_fitting(run, calibrate, size, best, raw, against, as_json, class_scores)
    before = None if against is None else read_evaluation(against)
    names, of_class = _names("--scores", scores), _names("--class-scores", class_scores)
    settings = plugin_settings()
    if calibrate:
        calibration = calibrated(scores=names, extractor=extractor, samples=samples, judges=judges, settings=settings)
        _show_calibration(calibration, as_json)
        return
    if run is not None:
        opened = open_run(run, settings=settings)
        evaluation = opened.evaluate(
            names,
            extractor=extractor,
            samples=samples,
            class_scores=of_class,
            size=size,
            judges=judges,
            best=best,
            raw=raw,
        )
        note(f"{evaluation_file(run, best=best, raw=raw, size=size)}: written")
    else:
        assert fake is not None
        assert real is not None
        evaluation = evaluate_images(
            fake,
            real,
            scores=names,
            extractor=extractor,
            samples=samples,
            size=size,
            judges=judges,
            settings=settings,
        )
    # The failures are reported already, and what the judges say follows their table.
    apart = {*evaluation.failed, *(() if as_json else evaluation.disagreement())}
    for line in evaluation.notes:
        if line not in apart:
            note(line)
    if as_json:
        facts(evaluation.as_data())
    else:
        _show(evaluation, before, "" if against is None else against.name)
    if evaluation.failed:
        # The failure is reported already, and the other scores are written and shown.
        sys.exit(WRONG_INPUT)


def _names(option: str, text: str | None) -> list[str] | None:
    """Return the names of an option that takes several, separated by commas; None if it is not given."""
    names = None if text is None else [name for name in text.split(",") if name]
    if names == []:
        raise click.UsageError(f"{option} takes names, separated by commas. Received: {text!r}")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise click.UsageError(f"{option} names {', '.join(twice)} more than once. Received: {text!r}")
    return names


def _require_one_subject(run: Path | None, fake: Path | None, real: Path | None, calibrate: bool) -> None:
    if run is not None and fake is None and real is not None:
        sample = shlex.join(["dcgan-kit", "sample", str(run)])
        raise UserError(
            "a run is compared with the images of its recipe. To compare its samples with others, write them by "
            f"`{sample} --each DIR`, and give --fake DIR --real {shlex.quote(str(real))}"
        )
    if (fake is None) != (real is None):
        raise UserError("--fake and --real go together: give both")
    if (run is not None) + (fake is not None) + calibrate != 1:
        raise UserError("give one of: a RUN folder; --fake and --real; --calibrate")


def _require_fitting(
    run: Path | None,
    calibrate: bool,
    size: str | None,
    best: bool,
    raw: bool,
    against: Path | None,
    as_json: bool,
    class_scores: str | None,
) -> None:
    """Refuse options that would have no effect, because the user expects an effect."""
    if size is not None and calibrate:
        raise UserError("--size is for a RUN, or for --fake and --real: the embedded images have their size")
    if run is None and (best or raw):
        raise UserError(f"{'--best' if best else '--raw'} is about the networks of a RUN folder: give one")
    if run is None and class_scores is not None:
        raise UserError("--class-scores is about the classes of a RUN folder: give one")
    if against is not None and (calibrate or as_json):
        other = "--calibrate" if calibrate else "--json"
        raise UserError(f"--against adds a column to the table of an evaluation: give it without {other}")


def _show_calibration(calibration: Calibration, as_json: bool) -> None:
    from dcgan_kit.api.evaluations import calibration_columns

    by_fault = calibration.numbers
    if as_json:
        facts(
            {
                "samples": calibration.samples,
                "references": calibration.references,
                "numbers": {
                    fault: {number.name: number.value for number in numbers} for fault, numbers in by_fault.items()
                },
            }
        )
        return
    columns = calibration_columns(calibration)
    table(tuple(columns), list(zip(*columns.values(), strict=True)), right=tuple(by_fault))
    note(f"{counted(calibration.samples, 'image')} of each, compared with {calibration.references} real images")


def _show(evaluation: Evaluation, before: Evaluation | None, other: str) -> None:
    cells = {other if name == "before" else name: cells for name, cells in evaluation.columns(before).items()}
    table(tuple(cells), list(zip(*cells.values(), strict=True)), right=("samples", other, "real images"))
    # A protocol is too long to repeat in every row.
    by_protocol: dict[str, list[str]] = {}
    for number in evaluation.numbers:
        by_protocol.setdefault(number.protocol.name(""), []).append(number.number)
    _show_classes(evaluation)
    table(("measured as", "numbers"), [(protocol, ", ".join(names)) for protocol, names in by_protocol.items()])
    _show_judges(evaluation, before, other)


def _show_judges(evaluation: Evaluation, before: Evaluation | None, other: str) -> None:
    if not evaluation.judges:
        return
    found = evaluation.judge_columns(before)
    cells = {other if name == "before" else name: column for name, column in found.items()}
    table(tuple(cells), list(zip(*cells.values(), strict=True)), right=("samples", other, "real images", "times real"))
    for line in evaluation.disagreement(before, other):
        note(line)


def _show_classes(evaluation: Evaluation) -> None:
    columns = evaluation.class_columns()
    rows = list(zip(*columns.values(), strict=True))
    if rows:
        table(tuple(columns), rows[:MOST_CLASSES], right=tuple(columns)[1:])
    if len(rows) > MOST_CLASSES:
        note(f"the table shows {MOST_CLASSES} of {len(rows)} classes; the file holds all")
