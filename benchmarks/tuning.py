"""The effect of changes to a recipe: each variant trains for the same time and is compared with new images.

    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --json tuning.json            # all of tuning.yaml
    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --steps 25000 cosine third_map
    taskset -c 0 python benchmarks/tuning.py --file tuning64.yaml --data train.npz --real real.npz --steps 3300

The variants train on the same images as in quality.py: the embedded ones, or those of --data. Samples are compared
neither with the training images nor with the held-out split, but with the first half of --real: an npz file with other
images of the same kind in the array x, such as the test set of Fashion-MNIST.

The time is that in which `start`, the recipe from which most variants begin, takes --steps steps. Before each variant
trains, its steps are timed in turns with those of `start`, so that other work on the machine gives none an advantage.
By default, each variant has one seed, so small differences mean little. With --pictures, the script draws 96 samples of
each variant, without selection, and keeps those of the last seed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from quality import EMBEDDED, Judges, Training, half_of, in_file, loaded, picture

from dcgan_kit.process.tensorflow_startup import start_tensorflow

FOLDER = Path(__file__).parent
ROUNDS, STEPS = 15, 16
"""Steps of a variant and of ``start`` are timed in ROUNDS rounds of STEPS steps each."""


def _recipe(variant: dict[str, Any], seed: int, *overrides: str, data: str = EMBEDDED) -> Any:
    name: str = variant["recipe"]
    reference = str(FOLDER / "recipes" / name) if name.endswith(".yaml") else name
    return loaded(reference, seed, (*variant.get("overrides", ()), *overrides), data).recipe


def _relative_cost(training: Training, start: Training) -> float:
    """Return the processor time of a training's step, over that of ``start``."""
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for one in (training, start):
            before = time.process_time()
            one.take(STEPS)
            times.append(time.process_time() - before)
        ratios.append(times[0] / times[1])
    return median(ratios)


def _trained(variant: dict[str, Any], seed: int, steps: int, start: Training, data: str) -> tuple[float, Training]:
    """Train a variant in the time in which ``start`` takes so many steps → its relative cost, and the training."""
    cost = _relative_cost(Training(_recipe(variant, seed, data=data)), start)
    own = round(steps / cost)
    training = Training(_recipe(variant, seed, f"training.steps={own}", data=data))
    training.train_to(own)
    return cost, training


def _measured(cost: float, training: Training, judges: Judges) -> dict[str, Any]:
    numbers = judges.numbers(training)
    return {
        "cost": cost,
        "steps": training.done,
        **{called: number.value for called, number in numbers.items()},
        "real": {called: number.floor for called, number in numbers.items()},
    }


def main() -> None:
    """Train, compute the scores, print a table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="default: all of the file")
    parser.add_argument("--file", default="tuning.yaml", metavar="FILE.yaml", help="of variants; default: tuning.yaml")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="default: the embedded images")
    parser.add_argument("--real", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--steps", type=int, default=10_000, help="of `start`; others take the same time")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_intermixed_args()
    known = yaml.safe_load((FOLDER / arguments.file).read_text())
    unknown = set(arguments.variants) - known.keys()
    if unknown:
        parser.error(f"not in {arguments.file}: {', '.join(sorted(unknown))}")
    start_tensorflow()
    data = EMBEDDED if arguments.data is None else in_file(arguments.data)
    first = _recipe(known["start"], 0, data=data)
    start, judges = Training(first), Judges(first, data, half_of(arguments.real, 0, first))
    rows = []
    print("| variant | what | seed | steps | cost of a step | " + " | ".join(judges.shown) + " |")
    print("| --- " * (5 + len(judges.shown)) + "|")
    for name in arguments.variants or known:
        for seed in range(arguments.seeds):
            cost, training = _trained(known[name], seed, arguments.steps, start, data)
            row = _measured(cost, training, judges)
            if arguments.pictures:
                arguments.pictures.mkdir(parents=True, exist_ok=True)
                (arguments.pictures / f"{name}-{arguments.steps}.png").write_bytes(picture(training))
            numbers = " | ".join(f"{row[number]:.3g}" for number in judges.shown)
            print(
                f"| `{name}` | {known[name]['what']} | {seed} | {row['steps']:,} | {row['cost']:.2f} | {numbers} |",
                flush=True,
            )
            rows.append({"variant": name, "seed": seed, **row})
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    floors = (rows[0]["real"][number] for number in judges.shown)
    print("| real images | | | | | " + " | ".join("" if floor is None else f"{floor:.3g}" for floor in floors) + " |")


if __name__ == "__main__":
    main()
