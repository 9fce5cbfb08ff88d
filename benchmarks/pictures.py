"""What recipes show after some minutes of training: a picture and a distance at each mark.

    python benchmarks/pictures.py lecture-fashion28 --minutes 1 2 5 --output docs/images
    python benchmarks/pictures.py tensorflow-mnist28 data=fashion_mnist_4k --minutes 15 --milliseconds 426

Minutes are those of training: start-up, drawing and scoring do not count. Run it on a machine that does nothing else;
or say with ``--milliseconds`` how long a step of the recipe takes on one, as recipe_speed.py tells, and minutes are
counted in steps of so long, whatever else runs. The distance is that of fidelity.py, of 4,000 samples.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from dcgan_kit.cli.quiet import start_tensorflow

SAMPLES = 4000
GRID = (6, 16)


def main() -> None:
    """Train one recipe for as long as the last mark, and write a picture at each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 2.0, 5.0])
    parser.add_argument("--milliseconds", type=float, help="of a step on a machine that does nothing else")
    parser.add_argument("--output", type=Path, default=Path())
    arguments = parser.parse_intermixed_args()
    start_tensorflow()
    import fidelity
    import tensorflow as tf

    from dcgan_kit.components.plugins import PluginSettings
    from dcgan_kit.data.loading import load_images
    from dcgan_kit.data.splitting import split
    from dcgan_kit.recipes.loading import load_recipe
    from dcgan_kit.training.precision import in_float32
    from dcgan_kit.training.sampling import generated, grid_of, latent_vectors, png_of
    from dcgan_kit.training.session import Session

    recipe = load_recipe(arguments.recipe, arguments.overrides, PluginSettings(builtins_only=True)).recipe
    session = Session.create(recipe)
    images, _ = split(load_images(recipe), recipe.training.held_out, recipe.training.seed)
    steps, state, done, spent = session.compile(), session.state, 0, 0.0

    def drawn(count: int, stream: int) -> Any:
        latent = latent_vectors(recipe, count, recipe.training.seed, stream)
        with in_float32(state.networks, session.precision.precision):
            return generated(state.sampled, latent, recipe.value_range)

    print(f"{arguments.recipe} in {session.precision.precision}; real against real: {fidelity.floor():.2f}")
    print("| minutes | steps | distance |\n| --- | --- | --- |")
    # The first call prepares kernels; it counts as start-up.
    steps(*session.batches(images, 0, 1), tf.constant(0, tf.int64)).numpy()
    done = 1
    for mark in sorted(arguments.minutes):
        while (spent if arguments.milliseconds is None else done * arguments.milliseconds / 1e3) < 60 * mark:
            begun = time.perf_counter()
            steps(*session.batches(images, done, 5), tf.constant(done, tf.int64)).numpy()
            spent += time.perf_counter() - begun
            done += 5
        rows, columns = GRID
        file = arguments.output / f"{arguments.recipe}-{mark:g}-minutes.png"
        file.write_bytes(png_of(grid_of(drawn(rows * columns, -1), rows, columns)))
        print(f"| {mark:g} | {done} | {fidelity.distance(drawn(SAMPLES, -3)):.2f} |", flush=True)
        print(f"wrote {file}", file=sys.stderr)


if __name__ == "__main__":
    main()
