"""The effect of changes to a recipe: each variant trains for the same processor time and is compared with new images.

    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --json tuning.json            # all of tuning.yaml
    taskset -c 0 python benchmarks/tuning.py --real t10k.npz --seconds 205 deep deep_batch16

The variants train on the same images as in quality.py. They are compared neither with these nor with its held-out
split: --real is an npz file with other images of the same kind in the array x, here the test set of Fashion-MNIST. Time
is that of one core without scoring; 205 and 513 seconds are about the work of two cores in 2 and 5 minutes. Each
variant has one seed, so a difference of a few tenths of fd means little.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from quality import Training, evaluator_against, loaded

from dcgan_kit.process.tensorflow_startup import start_tensorflow

SAMPLES = 3000
SHOWN = ("fd", "kid", "precision", "recall", "coverage", "memorization_ratio")
VARIANTS = Path(__file__).with_suffix(".yaml")


def _others(file: Path) -> Any:
    """Return images that no training and no other benchmark uses: a fixed selection of the images in the file."""
    from dcgan_kit.data.loading import load_images

    images = load_images(loaded("lecture-fashion28", 0, (f"data={{use: npz, path: {file}}}",)).recipe)
    chosen = np.sort(np.random.default_rng(1).permutation(len(images))[:SAMPLES])
    return replace(images, indices=chosen, labels=None)


def _measured(name: str, variant: dict[str, Any], seconds: Sequence[float], evaluator: Any) -> Iterator[dict[str, Any]]:
    from dcgan_kit.adversarial.precision import in_float32
    from dcgan_kit.evaluation.generated_batches import generated_pixels

    training = Training(loaded(variant["recipe"], 0, variant.get("overrides", ())).recipe)
    training.take(1)
    spent = 0.0
    for mark in seconds:
        start = time.process_time()
        while spent + time.process_time() - start < mark:
            training.take(10)
        spent += time.process_time() - start
        session = training.session
        with in_float32(session.state.networks, session.precision.precision):
            drawn = generated_pixels(training.recipe, session.state.sampled, SAMPLES, training.images)
            numbers = evaluator.evaluate(drawn)
        found = {number.number: number.value for number in numbers}
        yield {"variant": name, "seconds": mark, "steps": training.done, **found}


def main() -> None:
    """Train, compute the scores, print a table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = yaml.safe_load(VARIANTS.read_text())
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="default: all of tuning.yaml")
    parser.add_argument("--real", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--seconds", type=float, nargs="+", default=[205.0], help="of processor time, rising")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_intermixed_args()
    unknown = set(arguments.variants) - known.keys()
    if unknown:
        parser.error(f"not in {VARIANTS.name}: {', '.join(sorted(unknown))}")
    start_tensorflow()
    evaluator = evaluator_against(_others(arguments.real))
    rows = []
    print("| variant | seconds | steps | " + " | ".join(SHOWN) + " |")
    print("| --- " * (3 + len(SHOWN)) + "|")
    for name in arguments.variants or known:
        for row in _measured(name, known[name], arguments.seconds, evaluator):
            numbers = " | ".join(f"{row[number]:.3g}" for number in SHOWN)
            print(f"| {name} | {row['seconds']:g} | {row['steps']:,} | {numbers} |", flush=True)
            rows.append(row)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
