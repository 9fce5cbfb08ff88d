"""Quality of recipes after equal training times: what several judges say, with several seeds each.

    python benchmarks/quality.py --real t10k.npz --json quality.json --pictures docs/images     # docs/performance.md
    python benchmarks/quality.py lecture-fashion28 small-fashion28 --minutes 5 --seeds 1
    python benchmarks/quality.py mine.yaml other.yaml --data images.npz --minutes 15

Every recipe trains on the same part of the 4,000 embedded images, or of the images in the array x of --data. --real is
an npz file with other images of the same kind, such as the test set of Fashion-MNIST; samples are compared with its
second half, because tuning.py chooses by the first. Without it, they are compared with the rest of the images, which
were held out of training; one of the judges of the embedded images has learned from them.

First, the script times the steps of all recipes in turn. Then it converts minutes to a number of steps, so that other
work on the machine gives no recipe an advantage. If the learning rates of a recipe follow a schedule, each number of
minutes is a training of its own, because the schedule ends with it. The last row shows the floors: the scores of real
images. Below the table, the script says by which judges a recipe is better: those whose 95 % intervals of the mean
(Student's t) are apart. It compares the first recipe with the others, and each recipe with itself after less time.

With --outside, extractors of benchmarks/outside judge too, such as one that was trained on ImageNet; it needs packages
of its own.

With --pictures, the script draws 96 samples at each mark, without selection, and keeps those of the last seed. With
--json, it saves the results in a file after every row. The same command resumes from this file; if a recipe has
changed, its results are computed again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.process.tensorflow_startup import start_tensorflow

HELD_OUT = 0.2
RECIPES = ("lecture-fashion28", "small-fashion28")
MINUTES = (5.0, 15.0)
EMBEDDED = "fashion_mnist_4k"
MORE = ("precision_recall", "density_coverage", "memorization")
"""The scores that are shown besides those of the judges, in the features of the first one."""
SHOWN_TOO = ("high_band_db", "precision", "recall", "coverage", "memorization_ratio")
ROUNDS, SECONDS = 5, 2.0
GRID = (6, 16)
"""Rows and columns of a picture."""
OUTSIDE = Path(__file__).parent / "outside"
"""Plugins with judges that dcgan-kit does not have, because they need other packages."""


def loaded(name: str, seed: int, overrides: Sequence[str] = (), data: str = EMBEDDED) -> Any:
    """Load a recipe as all quality benchmarks train it: on the same images, with a held-out split."""
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.recipes.loading import load_recipe

    fixed = (
        f"data={data}",
        f"training.held_out={HELD_OUT}",
        f"training.seed={seed}",
        "training.steps=1000000",
    )
    return load_recipe(name, (*fixed, *overrides), PluginSettings(builtins_only=True))


def training_and_held_out(recipe: Any) -> Any:
    """Return the training images and the held-out split of the recipe's data."""
    from dcgan_kit.data.holdout import split
    from dcgan_kit.data.loading import load_images

    # One split for all seeds: numbers against other images do not compare.
    return split(load_images(recipe), HELD_OUT, 0)


class Training:
    """Trains a recipe for a given number of steps at a time."""

    def __init__(self, recipe: Any) -> None:
        from dcgan_kit.adversarial.session import Session
        from dcgan_kit.adversarial.step_comparison import compared
        from dcgan_kit.components.plugin import LoadedPlugins
        from dcgan_kit.terminal.progress import Quiet

        self.recipe, self.done = recipe, 0
        self.images, self.held_out = training_and_held_out(recipe)
        self.session = compared(Session.create(recipe), self.images, LoadedPlugins(()), Quiet().preparation)
        self._steps = self.session.compile()

    def take(self, count: int) -> None:
        """Take ``count`` steps."""
        import tensorflow as tf

        batches = self.session.batches(self.images, self.done, count)
        self._steps(*batches, tf.constant(self.done, tf.int64)).numpy()
        self.done += count

    def train_to(self, step: int) -> None:
        """Train until ``step`` steps are done."""
        while self.done < step:
            self.take(min(10, step - self.done))


def _milliseconds(names: Sequence[str], data: str) -> dict[str, float]:
    """Return the milliseconds per step of each recipe, measured in turn."""
    trainings = {name: Training(loaded(name, 0, data=data).recipe) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for training in trainings.values():
        training.take(1)
    for _ in range(ROUNDS):
        for name, training in trainings.items():
            start, first = time.perf_counter(), training.done
            while time.perf_counter() - start < SECONDS:
                training.take(1)
            times[name].append(1e3 * (time.perf_counter() - start) / (training.done - first))
    return {name: statistics.median(found) for name, found in times.items()}


def _measured(
    name: str, seed: int, marks: Sequence[float], ms: float, judges: Judges, pictures: Path | None
) -> Iterator[dict[str, Any]]:
    alone = _has_schedule(loaded(name, seed, data=judges.data).recipe)
    training = None
    for minutes in sorted(marks):
        steps = round(60e3 * minutes / ms)
        if training is None or alone:
            end = (f"training.steps={steps}",) if alone else ()
            training = Training(loaded(name, seed, end, judges.data).recipe)
        training.train_to(steps)
        numbers = judges.numbers(training)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            (pictures / f"{Path(name).stem}-{minutes:g}-minutes.png").write_bytes(picture(training))
        yield {
            "recipe": name,
            "seed": seed,
            "minutes": minutes,
            "steps": training.done,
            **{called: number.value for called, number in numbers.items()},
            "real": {called: number.floor for called, number in numbers.items()},
        }


def _has_schedule(recipe: Any) -> bool:
    """Whether the learning rate of a network depends on the number of steps."""
    networks = (recipe.training.generator, recipe.training.discriminator)
    return any(network.schedule is not None and network.schedule.component.name != "constant" for network in networks)


def picture(training: Training) -> bytes:
    """Draw samples of a training, without selection → the bytes of a PNG."""
    from dcgan_kit.adversarial.precision import in_float32
    from dcgan_kit.evaluation.generated_batches import generated_pixels
    from dcgan_kit.runs.image_grid import grid_of, png_of

    session = training.session
    with in_float32(session.state.networks, session.choice.precision):
        samples = next(generated_pixels(training.recipe, session.state.sampled, math.prod(GRID), training.images))
    return png_of(grid_of(samples, *GRID))


class Judges:
    """Compares samples with the same real images, as all judges of these images do (docs/measures.md).

    Args:
        recipe: any recipe for these images; its data are the training images and the held-out split.
        data: the data in a recipe.
        reference: the real images; default: the held-out split.
        outside: extractors of the folder ``OUTSIDE`` whose features judge too.

    Attributes:
        judged: the numbers of the judges; lower is better in all of them.
        shown: the numbers of ``numbers``.
    """

    def __init__(self, recipe: Any, data: str = EMBEDDED, reference: Any = None, outside: Sequence[str] = ()) -> None:
        from dcgan_kit.components.plugin import PluginSettings
        from dcgan_kit.components.plugin_loader import load_plugins
        from dcgan_kit.evaluation.evaluator import Evaluator, split_reference
        from dcgan_kit.evaluation.judges import judges_of
        from dcgan_kit.evaluation.selection import build_extractor, build_score, choice_of

        registry = load_plugins(PluginSettings(folders=(OUTSIDE,), strict=True)).registry
        images, held_out = training_and_held_out(recipe)
        reference = held_out if reference is None else reference
        judges = judges_of(images, recipe.data.component.name)
        first = judges[0].extractor
        scores: dict[str, list[str]] = {first: list(MORE)}
        self.judged: list[str] = []
        for judge in judges:
            scores.setdefault(judge.extractor or first, []).extend(judge.scores)
            other = f"@{judge.extractor}" if judge.extractor not in ("", first) else ""
            self.judged += [f"{number}{other}" for number in judge.numbers if number not in SHOWN_TOO]
        for extractor in outside:
            scores[extractor] = ["frechet", "kid"]
            self.judged += [f"fd@{extractor}", f"kid@{extractor}"]
        self.shown = [*self.judged, *SHOWN_TOO]
        self.data, self.samples = data, len(reference)
        self._evaluators = {
            extractor: Evaluator(
                split_reference(images, reference),
                build_extractor(choice_of("extractor", extractor, registry), images),
                [build_score(choice_of("score", name, registry)) for name in names],
                self.samples,
            )
            for extractor, names in scores.items()
        }

    def numbers(self, training: Training) -> dict[str, Any]:
        """Return the numbers ``shown`` of samples of a training, by name."""
        from dcgan_kit.adversarial.precision import in_float32
        from dcgan_kit.evaluation.generated_batches import generated_pixels

        session, found = training.session, {}
        with in_float32(session.state.networks, session.choice.precision):
            for number, (extractor, evaluator) in enumerate(self._evaluators.items()):
                drawn = generated_pixels(training.recipe, session.state.sampled, self.samples, training.images)
                for one in evaluator.evaluate(drawn):
                    found[one.number if number == 0 else f"{one.number}@{extractor}"] = one
        return {name: found[name] for name in self.shown}


def in_file(file: Path) -> str:
    """Return the images of an npz file as the data of a recipe."""
    return f"{{use: npz, path: {file}}}"


def half_of(file: Path, number: int, recipe: Any) -> Any:
    """Return the first half (0) or the second half (1) of the images in an npz file, without labels."""
    images = loaded(RECIPES[0], 0, data=in_file(file)).recipe.data.build(recipe.image.spec)
    half = len(images) // 2
    return replace(images, indices=np.arange(number * half, (number + 1) * half), labels=None)


class _Results:
    """The results so far, kept in a file if there is one."""

    def __init__(self, file: Path | None, names: Sequence[str], data: str) -> None:
        self._file = file
        found = json.loads(file.read_text()) if file and file.exists() else {}
        digests = {name: _digest(name, data) for name in names}
        known = found.get("recipes", {})
        same = {name for name in known if known[name] == digests.get(name, known[name])}
        self._digests = {name: known[name] for name in same} | digests
        self.milliseconds = {name: ms for name, ms in found.get("milliseconds", {}).items() if name in same}
        self.rows = [row for row in found.get("rows", []) if row["recipe"] in same]

    def has(self, name: str, seed: int, marks: Sequence[float], numbers: Sequence[str]) -> bool:
        """Whether all results of a training are known, with these numbers."""
        rows = [row for row in self.rows if (row["recipe"], row["seed"]) == (name, seed)]
        return {row["minutes"] for row in rows if row.keys() >= set(numbers)} >= set(marks)

    def begin(self, name: str, seed: int, marks: Sequence[float]) -> None:
        """Remove the results of an incomplete training."""
        self.rows = [
            row for row in self.rows if (row["recipe"], row["seed"]) != (name, seed) or row["minutes"] not in marks
        ]

    def write(self) -> None:
        """Write the file under another name, then rename it."""
        if self._file:
            data = {"recipes": self._digests, "milliseconds": self.milliseconds, "rows": self.rows}
            temporary = self._file.with_suffix(".tmp")
            temporary.write_text(json.dumps(data, indent=2) + "\n")
            temporary.replace(self._file)


def _digest(name: str, data: str) -> str:
    from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

    return hashlib.sha256(as_yaml(as_data(loaded(name, 0, data=data).recipe)).encode()).hexdigest()[:16]


def _table(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    yield "| recipe | minutes | steps | " + " | ".join(names) + " |"
    yield "| --- " * (3 + len(names)) + "|"
    for recipe, minutes in dict.fromkeys((row["recipe"], row["minutes"]) for row in rows):
        found = [row for row in rows if (row["recipe"], row["minutes"]) == (recipe, minutes)]
        cells = []
        for name in names:
            values = [row[name] for row in found]
            spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.3g}{spread}")
        yield f"| {recipe} | {minutes:g} | {found[0]['steps']:,} | " + " | ".join(cells) + " |"
    floors = rows[0]["real"]
    yield "| real images | | | " + " | ".join("" if floors[n] is None else f"{floors[n]:.3g}" for n in names) + " |"


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of normal values (Student's t); without bounds for one value."""
    from scipy.stats import t

    if len(values) < 2:
        return -math.inf, math.inf
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values) - half, statistics.mean(values) + half


def _apart(rows: Sequence[dict[str, Any]], recipes: Sequence[str], judged: Sequence[str]) -> Iterator[str]:
    """Say by which judges the first recipe is better than others, and a recipe better than after less time."""
    cases: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        cases.setdefault((row["recipe"], row["minutes"]), []).append(row)
    for (recipe, minutes), found in cases.items():
        others = [(recipe, less) for name, less in cases if name == recipe and less < minutes]
        if recipe == recipes[0]:
            others += [(name, same) for name, same in cases if name != recipe and same == minutes]
        for other in others:
            told: dict[str, list[str]] = {"better": [], "worse": [], "intervals overlap": []}
            for judge in judged:
                (low, high), (other_low, other_high) = (
                    _interval([row[judge] for row in group]) for group in (found, cases[other])
                )
                verdict = "better" if high < other_low else "worse" if low > other_high else "intervals overlap"
                told[verdict].append(judge)
            parts = (f"{verdict}: {', '.join(names)}" for verdict, names in told.items() if names)
            yield f"{recipe}, {minutes:g} minutes, against {other[0]}, {other[1]:g} minutes: {'; '.join(parts)}"


def main() -> None:
    """Measure, print the table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--minutes", type=float, nargs="+", default=list(MINUTES), help="default: 5 15")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="default: the embedded images")
    parser.add_argument("--real", type=Path, metavar="FILE.npz", help="default: the held-out images")
    parser.add_argument("--outside", nargs="+", default=[], metavar="EXTRACTOR", help="judges of benchmarks/outside")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_intermixed_args()
    start_tensorflow()
    data, first = EMBEDDED if arguments.data is None else in_file(arguments.data), arguments.recipes[0]
    recipe = loaded(first, 0, data=data).recipe
    reference = None if arguments.real is None else half_of(arguments.real, 1, recipe)
    judges = Judges(recipe, data, reference, arguments.outside)
    results = _Results(arguments.json, arguments.recipes, data)
    if any(name not in results.milliseconds for name in arguments.recipes):
        # Minutes are equal only if they are counted in steps that were timed together.
        results.milliseconds, results.rows = _milliseconds(arguments.recipes, data), []
        results.write()
    times = ", ".join(f"{name} {results.milliseconds[name]:.1f}" for name in arguments.recipes)
    print(f"milliseconds a step, in turn: {times}", flush=True)
    for seed in range(arguments.seeds):
        for name in arguments.recipes:
            if results.has(name, seed, arguments.minutes, judges.shown):
                continue
            results.begin(name, seed, arguments.minutes)
            for row in _measured(name, seed, arguments.minutes, results.milliseconds[name], judges, arguments.pictures):
                results.rows.append(row)
                print(f"{name}, seed {seed}, {row['minutes']:g} minutes: fd {row['fd']:.3g}", file=sys.stderr)
                results.write()
    rows = [row for row in results.rows if row["recipe"] in arguments.recipes and row["seed"] < arguments.seeds]
    rows = [row for row in rows if row["minutes"] in arguments.minutes]
    rows.sort(key=lambda row: (arguments.recipes.index(row["recipe"]), row["minutes"], row["seed"]))
    print("\n".join((*_table(rows, judges.shown), "", *_apart(rows, arguments.recipes, judges.judged))))


if __name__ == "__main__":
    main()
