"""Trains recipes one after the other on the devices that the environment names; run as a script by other tests.

Usage: distributed_training.py CASES.json OUTPUT.npz

CASES.json: {name: [override, ...]}, all on the same devices. OUTPUT.npz: every variable after the last step, by
"name/variable". Strategies that share a process fail each other's collectives: hence one strategy a process.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

SMALL = """version: 1
extends: dcgan
image: {size: 28, channels: 1}
generator:
  input: {projection: {use: dense, size: 7}, filters: 4}
  stages:
    - filters: 4
discriminator:
  stages:
    - {filters: 4, normalization: none, bias: true}
    - filters: 4
  output: {head: {use: dense, dropout: 0.0}, bias: true}
data: fashion_mnist_4k
training: {steps: 20, batch_size: 24, precision: float32}
"""


def main(cases: Path, output: Path) -> None:
    """Train every case for its steps."""
    from dcgan_kit.cli.quiet import start_tensorflow
    from dcgan_kit.recipes.loading import load_recipe

    start_tensorflow()
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.data.loading import load_images
    from dcgan_kit.training.session import Session

    recipe_file = output.with_suffix(".yaml")
    recipe_file.write_text(SMALL)
    devices, images, found = None, None, {}
    for name, overrides in json.loads(cases.read_text()).items():
        recipe = load_recipe(str(recipe_file), tuple(overrides)).recipe
        session = Session.create(recipe, devices=devices)
        devices = session.devices
        images = images or load_images(recipe)
        steps, count = session.compile(), recipe.training.steps
        # In two groups: the second goes on from where the first left off.
        for first, number in ((0, count // 2), (count // 2, count - count // 2)):
            metrics = steps(*session.batches(images, first, number), tf.constant(first, tf.int64))
            assert np.isfinite(metrics.numpy()).all(), (name, metrics)
        found.update({f"{name}/{key}": value for key, value in session.state.values().items()})
    assert devices is not None
    devices.agree(0.0)
    with output.open("wb") as stream:
        np.savez(stream, **found)
    sys.stdout.flush()
    # Leaving workers tear each other's connections down in any order; what was asked for is on disk.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
