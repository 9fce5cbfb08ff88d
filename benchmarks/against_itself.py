"""How often studies of a recipe against itself show a difference that is not there.

The program trains a pool of tiny runs that differ only in their seeds, and reads three numbers of each. Then it deals
the pool into studies of two variants, again and again. Both variants are the same recipe, so every difference that a
study shows is wrong. At a level of 5 %, that should happen in about 5 % of the studies or fewer.

Studies of one deal share no run. Those of different deals do, so the shares are less certain than those of as many
independent studies. The printed intervals are those of independent ones.

    python benchmarks/against_itself.py --runs 320 --seeds 8 --deals 10

A run that is finished is kept in the folder, and the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from dcgan_kit.api.study_runner import thread_variables
from dcgan_kit.studies.claims import Claim, Expectation
from dcgan_kit.studies.readings import Cost, Reading
from dcgan_kit.studies.results import RunResult, StudyResult
from dcgan_kit.studies.statistics import LEVEL
from dcgan_kit.studies.variants import parse_axis, variants_of
from dcgan_kit.studies.verdicts import judge

RECIPE = "tiny-fashion28"
NUMBERS = ("fd@random_convolution", "checkerboard_2", "spectrum_db")
SCORES = ("frechet", "checkerboard", "spectrum")
COST = Cost(0, 0, 0.0, 0.0)


def trained(seed: int, steps: int, file: Path) -> None:
    """Train a run, and write its numbers to a file."""
    # As in a study, a run has one thread, so that runs beside each other change no number.
    os.environ.update(thread_variables(1))
    import dcgan_kit
    from dcgan_kit.terminal.progress import Quiet

    overrides = [f"training.seed={seed}", f"training.steps={steps}"]
    with tempfile.TemporaryDirectory() as folder:
        recipe = dcgan_kit.load_recipe(RECIPE, *overrides)
        run = dcgan_kit.train(recipe, Path(folder) / "run", watcher=Quiet())
        found = run.evaluate(SCORES, extractor="random_convolution", samples=500, watcher=Quiet())
    numbers = {one.number: (one.value, one.floor, one.better) for one in found.numbers}
    content = {name: numbers[name.partition("@")[0]] for name in NUMBERS}
    file.with_suffix(".new").write_text(json.dumps(content))
    file.with_suffix(".new").rename(file)


def pool(folder: Path, runs: int, steps: int, processes: int) -> list[dict[str, Reading]]:
    """Return the numbers of all runs, by seed; train those that are missing."""
    folder = folder / f"{RECIPE}-{steps}-steps"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{seed}.json" for seed in range(runs)]
    missing = [seed for seed, file in enumerate(files) if not file.exists()]
    with ProcessPoolExecutor(processes, get_context("spawn")) as workers:
        tasks = [workers.submit(trained, seed, steps, files[seed]) for seed in missing]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            print(f"\r{done} of {len(missing)} runs", end="", flush=True)
    print()
    return [{name: Reading(*of) for name, of in json.loads(file.read_text()).items()} for file in files]


def study_of(runs: list[dict[str, Reading]]) -> StudyResult:
    """Return a study whose first variant has the first half of the runs."""
    seeds = len(runs) // 2
    variants = variants_of([parse_axis("training.loss=one,other")])
    results = [
        RunResult(index // seeds, index % seeds, f"{index:016x}", readings, COST, "")
        for index, readings in enumerate(runs)
    ]
    return StudyResult(RECIPE, (), variants, seeds, NUMBERS, tuple(results))


def main() -> None:
    """Train the pool, deal it into studies, and print the share of wrong ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=320, help="size of the pool")
    parser.add_argument("--steps", type=int, default=60, help="training steps of a run")
    parser.add_argument("--seeds", type=int, default=8, help="runs of each variant of a study")
    parser.add_argument("--deals", type=int, default=10, help="how often the pool is dealt")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("studies/against-itself"))
    arguments = parser.parse_args()
    runs = pool(arguments.folder, arguments.runs, arguments.steps, arguments.processes)
    claim = Claim("One is better.", "nowhere", (Expectation("one", "other", NUMBERS, "better"),))
    studies = 0
    wrong: dict[str, int] = dict.fromkeys((*NUMBERS, "any of them", "a claim about all of them"), 0)
    random = np.random.default_rng(0)
    for _ in range(arguments.deals):
        order: Any = random.permutation(len(runs))
        for start in range(0, len(runs) - 2 * arguments.seeds + 1, 2 * arguments.seeds):
            result = study_of([runs[index] for index in order[start : start + 2 * arguments.seeds]])
            studies += 1
            # Each number as if the study read it alone; then all three, corrected for their number.
            for one in result.comparisons:
                wrong[one.number] += one.comparison.p <= LEVEL
            wrong["any of them"] += any(one.shown for one in result.comparisons)
            wrong["a claim about all of them"] += judge(claim, result).verdict != "inconclusive"
    print(f"{studies} studies of {RECIPE} against itself, {arguments.seeds} seeds, {len(runs)} runs")
    for name, count in wrong.items():
        low, high = binomtest(count, studies).proportion_ci()
        print(f"{name:28} {count:4} wrong, {count / studies:.1%} (95 % interval {low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
