"""The effect of changes to a recipe: each variant trains for the same processor time and is compared with new images.

    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --json tuning.json            # all of tuning.yaml
    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --seconds 205 deep deep_batch16

The variants train on the same images as in quality.py. They are compared neither with these nor with its held-out
split: --real is an npz file with other images of the same kind in the array x, here the test set of Fashion-MNIST, and
samples are compared with its first half. Time is that of one core without scoring; 205 and 513 seconds are about the
work of two cores in 2 and 5 minutes. A schedule of the learning rates ends with the last of the seconds. By default,
each variant has one seed, so small differences mean little.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from quality import SHOWN, Judges, Training, half_of, loaded

from dcgan_kit.process.tensorflow_startup import start_tensorflow

VARIANTS = Path(__file__).with_suffix(".yaml")
TIMED = 8
"""Times ten steps, from whose median the number of steps is taken."""


def _steps(variant: dict[str, Any], seconds: Sequence[float]) -> list[int]:
    """Return how many steps a variant takes in each time, in tens."""
    training = Training(loaded(variant["recipe"], 0, variant.get("overrides", ())).recipe)
    training.take(10)
    times = []
    for _ in range(TIMED):
        start = time.process_time()
        training.take(10)
        times.append(time.process_time() - start)
    return [round(mark / median(times)) * 10 for mark in seconds]


def _measured(
    name: str, variant: dict[str, Any], seed: int, seconds: Sequence[float], judges: Judges
) -> Iterator[dict[str, Any]]:
    marks = _steps(variant, seconds)
    last = f"training.steps={marks[-1]}"
    training = Training(loaded(variant["recipe"], seed, (*variant.get("overrides", ()), last)).recipe)
    for mark, steps in zip(seconds, marks, strict=True):
        training.train_to(steps)
        found = {called: number.value for called, number in judges.numbers(training).items()}
        yield {"variant": name, "seed": seed, "seconds": mark, "steps": steps, **found}


def main() -> None:
    """Train, compute the scores, print a table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = yaml.safe_load(VARIANTS.read_text())
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="default: all of tuning.yaml")
    parser.add_argument("--real", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--seconds", type=float, nargs="+", default=[205.0], help="of processor time, rising")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_intermixed_args()
    unknown = set(arguments.variants) - known.keys()
    if unknown:
        parser.error(f"not in {VARIANTS.name}: {', '.join(sorted(unknown))}")
    start_tensorflow()
    judges = Judges(half_of(arguments.real, 0))
    rows = []
    print("| variant | seed | seconds | steps | " + " | ".join(SHOWN) + " |")
    print("| --- " * (4 + len(SHOWN)) + "|")
    for name in arguments.variants or known:
        for seed in range(arguments.seeds):
            for row in _measured(name, known[name], seed, arguments.seconds, judges):
                numbers = " | ".join(f"{row[number]:.3g}" for number in SHOWN)
                print(f"| {name} | {seed} | {row['seconds']:g} | {row['steps']:,} | {numbers} |", flush=True)
                rows.append(row)
                if arguments.json:
                    arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
