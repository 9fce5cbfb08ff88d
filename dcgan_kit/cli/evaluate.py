"""``evaluate``: how near images are to real ones, in numbers that stand beside what real images get."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.console import facts, note, table
from dcgan_kit.cli.exit_codes import WRONG_INPUT
from dcgan_kit.cli.options import all_plugins, json_option, plugin_options, plugin_settings, warn_of_broken
from dcgan_kit.cli.progress import Telling
from dcgan_kit.errors import UserError, counted

if TYPE_CHECKING:
    from dcgan_kit.components.contracts.training import Images, ImageSpec
    from dcgan_kit.components.registry import Registry
    from dcgan_kit.evaluation.calibration import Calibration
    from dcgan_kit.evaluation.evaluator import Reals
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.evaluation.selection import ChosenExtractor, ChosenScore

_BETTER = {"lower": "lower", "higher": "higher", "floor": "as real images", "neither": ""}
_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("run", type=_PATH, required=False)
@click.option("--fake", type=_PATH, metavar="PATH", help="Judge these images instead: a folder, .zip, .npz or .npy.")
@click.option("--real", type=_PATH, metavar="PATH", help="What they are compared with.")
@click.option("--size", metavar="HxWxC", help="Bring both to this size; without it they must have one.")
@click.option(
    "--calibrate", is_flag=True, help="Judge the embedded images, and the same spoilt in known ways, instead."
)
@click.option(
    "--scores", metavar="NAMES", help="Scores, with commas between; NAME:option=value sets an option.  [default: all]"
)
@click.option("--samples", type=click.IntRange(2, 1_000_000), metavar="N", help="Images to judge.")
@click.option("--extractor", metavar="NAME", help="What describes images.  [default: by the images; it says which]")
@click.option("--best", is_flag=True, help="From the checkpoint that the run keeps for good.")
@click.option("--raw", is_flag=True, help="From the generator itself, where the run keeps an average of it too.")
@click.option(
    "--against", type=_PATH, metavar="RUN", help="Show what another evaluation got, a run's or a file's, beside it."
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
    samples: int | None,
    extractor: str | None,
    best: bool,
    raw: bool,
    against: Path | None,
    as_json: bool,
) -> None:
    """Judge the samples of a RUN, or images from anywhere, by comparing them with real ones.

    Each number stands beside what real images get in the same place. Writes RUN/evaluation.json, with --best and --raw
    RUN/evaluation-best.json and so on. Ends with status 2 if a score fails on the samples, after the others are shown.
    What the numbers mean, and when not to trust them: docs/measures.md.
    """
    from dcgan_kit.evaluation.results import file_name, read_evaluation

    _require_one_subject(run, fake, real, calibrate)
    _require_fitting(run, calibrate, size, best, raw, against, as_json)
    before = None if against is None else read_evaluation(against)
    with Telling() as told:
        asked = _Asked(scores, extractor, samples, told)
        if calibrate:
            _show_calibration(_calibration(asked), as_json)
            return
        if run is not None:
            evaluation = _of_run(asked, run, best, raw)
        else:
            assert fake is not None
            assert real is not None
            evaluation = _of_images(asked, fake, real, size)
    if run is not None:
        # Before it is shown: an evaluation that cannot be set against another is an evaluation all the same.
        _write(run, file_name(best, raw), evaluation)
    for line in evaluation.notes:
        if line not in asked.failed:
            note(line)
    if as_json:
        facts(evaluation.as_data())
    else:
        _show(evaluation, before, "" if against is None else against.name)
    if asked.failed:
        # Told already; what the other scores say is written and shown all the same.
        sys.exit(WRONG_INPUT)


class _Asked:
    """What the command was asked for, who is told how it goes, and which scores failed though nobody named them."""

    def __init__(self, scores: str | None, extractor: str | None, samples: int | None, told: Telling) -> None:
        self.scores, self.extractor, self.samples, self.told = scores, extractor, samples, told
        self.failed: list[str] = []

    def registry(self, builtins: Registry) -> Registry:
        """Return the built-in components; all plugins' if a name is none of theirs.

        Raises:
            UserError: there is no such score or extractor, or not with these options.
        """
        from dcgan_kit.evaluation.selection import choice_of

        named = [("score", text) for text in (self.scores or "").split(",") if text]
        named += [("extractor", self.extractor)] if self.extractor else []
        known = {kind: set(builtins.names(kind)) for kind in ("score", "extractor")}
        ours = plugin_settings().builtins_only or all(text.partition(":")[0] in known[kind] for kind, text in named)
        registry = builtins if ours else all_plugins().registry
        # What is wrong with a name or its options is told before TensorFlow starts.
        for kind, text in named:
            choice_of(kind, text, registry)
        return registry

    def chosen_extractor(self, registry: Registry, training: Images, source: str) -> tuple[ChosenExtractor, str]:
        """Build the extractor; return it, and a line that says which it is and why."""
        from dcgan_kit.data.progress import reporting_to
        from dcgan_kit.evaluation.selection import build_extractor, choice_of, default_extractor

        name, why = (self.extractor, "as asked for") if self.extractor else default_extractor(training, source)
        with reporting_to(partial(self.told.tell, "preparing the extractor")):
            built = build_extractor(choice_of("extractor", name, registry), training)
        return built, f"features by {built.name}: {why}"

    def chosen_scores(
        self, registry: Registry, extractor: ChosenExtractor, held_out: bool
    ) -> tuple[list[ChosenScore], list[str]]:
        """Return the scores that were asked for; all that can be had, and a line for each that cannot, if none were."""
        from dcgan_kit.evaluation.selection import build_score, choice_of, unusable, usable_scores

        names = [text for text in self.scores.split(",") if text] if self.scores else list(registry.names("score"))
        built = [build_score(choice_of("score", name, registry)) for name in names]
        if not self.scores:
            return usable_scores(built, extractor.extractor, held_out)
        for chosen in built:
            reason = unusable(chosen, extractor.extractor, held_out)
            if reason:
                raise UserError(f"--scores: {chosen.component.name} cannot be had: {reason}")
        return built, []


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
    run: Path | None, calibrate: bool, size: str | None, best: bool, raw: bool, against: Path | None, as_json: bool
) -> None:
    """Refuse options that would be without effect: whoever gave them believes they have one."""
    if size is not None and (run is not None or calibrate):
        raise UserError("--size is for --fake and --real: the images of a run, and the embedded ones, have their size")
    if run is None and (best or raw):
        raise UserError(f"{'--best' if best else '--raw'} is about the networks of a RUN folder: give one")
    if against is not None and (calibrate or as_json):
        other = "--calibrate" if calibrate else "--json"
        raise UserError(f"--against adds a column to the table of an evaluation: give it without {other}")


def _of_run(asked: _Asked, path: Path, best: bool, raw: bool) -> Evaluation:
    from dcgan_kit.data.loading import load_images, require_data
    from dcgan_kit.runs.run_folder import read_run, require_checkpoint
    from dcgan_kit.runs.run_plugins import load_begun

    run = read_run(path)
    loaded = load_begun(path, path, settings=plugin_settings())
    warn_of_broken(loaded.plugins)
    registry = asked.registry(loaded.plugins.registry)
    require_checkpoint(run)
    require_data(loaded.recipe)
    _start()
    from dcgan_kit.data.holdout import split
    from dcgan_kit.evaluation.evaluator import default_samples, divided
    from dcgan_kit.evaluation.generated_batches import generated_pixels
    from dcgan_kit.runs.run import open_generator

    recipe = loaded.recipe
    opened = open_generator(recipe, path, best, raw)
    images = load_images(recipe, partial(asked.told.tell, "reading images"))
    training, held_out = split(images, recipe.training.held_out, recipe.training.seed)
    reals = divided(training, held_out)
    samples = asked.samples or default_samples(reals)
    of = {"run": str(path), "step": opened.step, "best": best, "raw": raw}
    batches = generated_pixels(recipe, opened.generator, samples)
    source = recipe.data.component.name
    return _evaluation(asked, registry, of, batches, samples, reals, source, opened.notes)


def _of_images(asked: _Asked, fake: Path, real: Path, size: str | None) -> Evaluation:
    from dcgan_kit.components.plugin_loading import load_builtins

    registry = asked.registry(load_builtins(plugin_settings()).registry)
    # Reading images needs no TensorFlow: what is wrong with them is told before it starts.
    from dcgan_kit.data.loading import told_of
    from dcgan_kit.data.progress import reporting_to
    from dcgan_kit.evaluation.image_paths import images_at, size_at

    if size is not None:
        spec = _spec(size)
    else:
        with reporting_to(partial(asked.told.tell, "comparing sizes")):
            spec, given = size_at(real), size_at(fake)
        if given != spec:
            one, other = ("x".join(map(str, each.shape)) for each in (given, spec))
            raise UserError(f"{fake} has images of {one}, and {real} of {other}: give --size, e.g. --size {other}")
    with reporting_to(partial(asked.told.tell, "reading images")):
        fakes, reals = (images_at(path, spec, registry) for path in (fake, real))
    if asked.samples is not None and len(fakes) < asked.samples:
        raise UserError(f"{fake}: has {counted(len(fakes), 'image')}, and --samples asks for {asked.samples}")
    _start()
    from dcgan_kit.evaluation.evaluator import divided, some
    from dcgan_kit.evaluation.features import batches_of

    fakes = some(fakes, asked.samples or len(fakes))
    of = {"fake": str(fake), "real": str(real)}
    notes = [line for images in (fakes, reals) for line in told_of(images)]
    divided_reals = divided(reals, None, "real")
    return _evaluation(
        asked, registry, of, batches_of(fakes), len(fakes), divided_reals, "", notes, resized=size is not None
    )


def _evaluation(
    asked: _Asked,
    registry: Registry,
    of: dict[str, Any],
    batches: Iterable[Any],
    samples: int,
    reals: Reals,
    source: str,
    notes: Sequence[str],
    resized: bool = False,
) -> Evaluation:
    from dcgan_kit.evaluation.evaluator import Evaluator
    from dcgan_kit.evaluation.results import Evaluation

    extractor, why = asked.chosen_extractor(registry, reals.training, source)
    scores, left_out = asked.chosen_scores(registry, extractor, reals.held_out)
    optional = asked.scores is None
    evaluator = Evaluator(reals, extractor, scores, samples, resized, optional, asked.told.tell, asked.told.note)
    numbers = evaluator.evaluate(batches)
    asked.failed = evaluator.failed
    lines = [*notes, *asked.failed, why, *left_out, *_caveats(reals, samples, evaluator.floor_samples)]
    return Evaluation(of, numbers, tuple(lines))


def _caveats(reals: Reals, samples: int, floor_samples: int) -> list[str]:
    caveats = {
        "train": "no images are held out of training (training.held_out): samples are compared with half of those that "
        "the generator was trained on, and the floor is that of the other half",
        "real": "samples are compared with half of the real images, and the floor is that of the other half",
    }
    lines = [caveats[reals.split]] if reals.split in caveats else []
    if floor_samples < samples:
        lines.append(
            f"the floor is that of {floor_samples} real images, as there are no more: for as many as the {samples} "
            f"samples it would be better. With --samples {floor_samples} both are alike"
        )
    return lines


def _spec(size: str) -> ImageSpec:
    from dcgan_kit.components.contracts.training import ImageSpec

    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})x([1-4])", size)
    if match is None or "0" in match.groups():
        raise UserError(f"--size: height, width and 1 to 4 channels, e.g. 64x64x3. Received: {size}")
    return ImageSpec(*map(int, match.groups()))


def _calibration(asked: _Asked) -> Calibration:
    from dcgan_kit.components.plugin_loading import load_builtins

    registry = asked.registry(load_builtins(plugin_settings()).registry)
    _start()
    from dcgan_kit.components.contracts.training import ImageSpec
    from dcgan_kit.evaluation.calibration import calibrate
    from dcgan_kit.evaluation.selection import EMBEDDED, choice_of

    source, shape = EMBEDDED
    images = choice_of("data", source, registry).build(ImageSpec(*shape))
    extractor, why = asked.chosen_extractor(registry, images, source)
    scores, left_out = asked.chosen_scores(registry, extractor, held_out=True)
    for line in (why, *left_out):
        asked.told.note(line)
    return calibrate(images, extractor, scores, asked.samples, asked.told.tell)


def _show_calibration(calibration: Calibration, as_json: bool) -> None:
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
    rows = [
        (number.number, _BETTER[number.better], *(_shown(numbers[index].value) for numbers in by_fault.values()))
        for index, number in enumerate(by_fault["real"])
    ]
    table(("number", "better", *by_fault), rows, right=tuple(by_fault))
    note(f"each of {counted(calibration.samples, 'image')}, compared with {calibration.references} real ones")


def _show(evaluation: Evaluation, before: Evaluation | None, other: str) -> None:
    from dcgan_kit.evaluation.results import set_against

    known = {} if before is None else set_against(evaluation.numbers, before)
    rows = []
    for number in evaluation.numbers:
        floor = "" if number.floor is None else _shown(number.floor)
        beside = [] if before is None else [_shown(known[number.number]) if number.number in known else "-"]
        rows.append((number.number, _shown(number.value), *beside, floor, _BETTER[number.better]))
    columns = ("number", "samples", *(() if before is None else (other,)), "real images", "better")
    table(columns, rows, right=("samples", other, "real images"))
    # In every row it would leave no room for numbers.
    alike: dict[str, list[str]] = {}
    for number in evaluation.numbers:
        alike.setdefault(number.protocol.name(""), []).append(number.number)
    table(("measured as", "numbers"), [(protocol, ", ".join(names)) for protocol, names in alike.items()])


def _shown(value: float) -> str:
    return f"{value:.4g}"


def _write(path: Path, name: str, evaluation: Evaluation) -> None:
    from dcgan_kit.runs.run_folder import RunFolder

    file = path / name
    RunFolder(path).write(file, json.dumps(evaluation.as_data(), indent=2).encode() + b"\n")
    note(f"{file}: written")


def _start() -> None:
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
