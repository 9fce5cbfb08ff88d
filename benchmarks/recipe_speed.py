"""Training speed of each shipped recipe on this machine: milliseconds per step and images per second.

The images are random pixels. Absolute times are valid for one machine on one day; users of a similar machine can
estimate from them how long a recipe takes. Run it on a machine that does nothing else.

    python benchmarks/recipe_speed.py                      # every recipe
    python benchmarks/recipe_speed.py lecture-fashion28    # one
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.process.tensorflow_startup import start_tensorflow
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.resolved import ResolvedRecipe

BASES = {"dcgan"}
"""Recipes to extend, which do not train by themselves."""


def step_times(recipe: ResolvedRecipe, seconds: float) -> list[float]:
    """Return the seconds of each step, without the first step, which compiles."""
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.adversarial.step_comparison import compared
    from dcgan_kit.components.contracts.training import Images
    from dcgan_kit.components.plugin import LoadedPlugins
    from dcgan_kit.terminal.progress import Quiet

    shape = (4 * recipe.training.batch_size, *recipe.image.shape)
    images = Images(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    session = compared(Session.create(recipe), images, LoadedPlugins(()), Quiet().preparation)
    steps = session.compile()
    steps(*session.batches(images, 0, 1), tf.constant(0, tf.int64)).numpy()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        started = time.perf_counter()
        number = len(times) + 1
        steps(*session.batches(images, number, 1), tf.constant(number, tf.int64)).numpy()
        times.append(time.perf_counter() - started)
    return times


def main() -> None:
    """Measure the recipes that the command line names."""
    names = [name for name in sorted(load_builtins().recipes) if name not in BASES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=names)
    parser.add_argument("--seconds", type=float, default=8.0, help="to measure each recipe for")
    parser.add_argument("--json", type=Path, help="write the results here too")
    arguments = parser.parse_args()
    start_tensorflow()
    results = []
    print(f"{'recipe':22} {'batch':>6} {'ms a step':>10} {'images/s':>9} {'hours for all steps':>20}")
    for name in arguments.recipes:
        recipe = load_recipe(name).recipe
        median = statistics.median(step_times(recipe, arguments.seconds))
        batch, hours = recipe.training.batch_size, median * recipe.training.steps / 3600
        results.append({"recipe": name, "batch": batch, "median_ms": 1e3 * median, "hours": hours})
        print(f"{name:22} {batch:6} {1e3 * median:10.1f} {batch / median:9.1f} {hours:20.2f}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
