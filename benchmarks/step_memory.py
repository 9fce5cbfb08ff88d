"""Memory that each further image of a batch takes in a training step: what ``show`` estimates, and what is measured.

    python benchmarks/step_memory.py                     # about three minutes

Each recipe trains for three steps with two batch sizes, each time in a process of its own. The difference of the peaks
of private memory, divided by the difference of the batch sizes, is the memory of one image. It contains the workspace
of the convolutions, which the estimate leaves out; and TensorFlow frees an activation after its last use, where the
estimate keeps all. It reads /proc, so it runs on Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import chain
from pathlib import Path

from private_memory import Peak

HERE = Path(__file__).parent
ATTENTION = "generator.stages.0.attention=self_attention", "discriminator.stages.0.attention=self_attention"
RECIPES: dict[str, tuple[str, tuple[str, ...], tuple[int, int]]] = {
    "small-fashion28": ("small-fashion28", (), (64, 256)),
    "small-fashion28 with self-attention at 14x14": ("small-fashion28", ATTENTION, (64, 256)),
    "residual32": (str(HERE / "recipes" / "residual32.yaml"), (), (64, 256)),
    "classes28": (str(HERE / "recipes" / "classes28.yaml"), (), (64, 256)),
    "sagan64-small": ("sagan64-small", (), (4, 16)),
}  # fmt: skip
"""Title → recipe, overrides, two batch sizes."""


def _measure(title: str, batch: int) -> None:
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.contracts.training import Images
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import training_memory
    from dcgan_kit.recipes.loading import load_recipe

    reference, overrides, _ = RECIPES[title]
    fixed = (f"training.batch_size={batch}", "training.precision=float32")
    recipe = load_recipe(reference, (*overrides, *fixed), PluginSettings(builtins_only=True)).recipe
    estimate = training_memory(build_networks(recipe, symbolic=True), batch, recipe.training.ema > 0)
    session = Session.create(recipe)
    steps, random = session.compile(), np.random.default_rng(0)
    pixels = random.integers(0, 256, (2 * batch, *recipe.image.shape), np.uint8)
    images = Images(pixels, random.integers(0, recipe.classes or 1, 2 * batch))
    peak = Peak()
    peak.start()
    for number in range(3):
        steps(*session.batches(images, number, 1), tf.constant(number, tf.int64)).numpy()
    print(json.dumps({"estimate": estimate, "peak": peak.bytes}))


def _row(title: str) -> tuple[str, ...]:
    found = []
    for batch in RECIPES[title][2]:
        print(f"{title}, batch {batch}", file=sys.stderr)
        command = [sys.executable, __file__, "--one", title, str(batch)]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        found.append(json.loads(run.stdout.splitlines()[-1]))
    (small, large), (few, many) = found, RECIPES[title][2]
    estimate, measured = ((large[key] - small[key]) / (many - few) / 2**20 for key in ("estimate", "peak"))
    return title, f"{few} and {many}", f"{estimate:.2f}", f"{measured:.2f}", f"{measured / estimate:.2f}"


def main() -> None:
    """Measure all recipes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("TITLE", "BATCH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _measure(arguments.one[0], int(arguments.one[1]))
        return
    heads = ("recipe", "batch sizes", "estimated MiB an image", "measured MiB an image", "measured / estimated")
    for row in chain((heads, tuple("---" for _ in heads)), map(_row, RECIPES)):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
