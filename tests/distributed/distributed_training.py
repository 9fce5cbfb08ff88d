"""Trains recipes one after the other on the devices that the environment names; run as a script by other tests.

Usage: distributed_training.py CASES.json OUTPUT.npz

CASES.json: {name: [override, ...]}, all on the same devices. OUTPUT.npz: every variable after the last step, by
"name/variable"; and by "name, gone on/variable" after the second half of the steps was taken once more, from the
checkpoint that the chief wrote in the middle. Strategies that share a process fail each other's collectives: hence one
strategy a process.
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
training: {steps: 12, batch_size: 24, precision: float32}
"""


def halves(session, images, middle: Path):
    """Take all steps in two halves, and the second half once more → (every variable before, after that), by name.

    The second time goes on from the chief's file in the middle, as all workers do.
    """
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.runs.checkpoint import unpacked
    from dcgan_kit.runs.variable_archive import packed

    steps, state, count = session.compile(), session.state, session.recipe.training.steps

    def take(first, number):
        metrics = steps(*session.batches(images, first, number), tf.constant(first, tf.int64))
        assert np.isfinite(metrics.numpy()).all(), metrics

    take(0, count // 2)
    if session.devices.chief:
        middle.write_bytes(packed(state.values(), {}))
    take(count // 2, count - count // 2)
    straight = state.values()
    for model in (state.networks.generator.model, state.networks.discriminator.model):
        for variable in model.variables:
            # What no checkpoint holds keeps this value.
            variable.assign(np.full(variable.shape, 3).astype(np.asarray(variable).dtype))
    session.devices.agree(0.0)
    state.assign(unpacked(middle.read_bytes(), state, str(middle)))
    take(count // 2, count - count // 2)
    return straight, state.values()


def main(cases: Path, output: Path) -> None:
    """Train every case for its steps."""
    from dcgan_kit.process.tensorflow_startup import start_tensorflow
    from dcgan_kit.recipes.loading import load_recipe

    start_tensorflow()
    import numpy as np

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.data.loading import load_images

    recipe_file = output.with_suffix(".yaml")
    recipe_file.write_text(SMALL)
    devices, images, found = None, None, {}
    for name, overrides in json.loads(cases.read_text()).items():
        recipe = load_recipe(str(recipe_file), tuple(overrides)).recipe
        session = Session.create(recipe, devices=devices)
        devices = session.devices
        images = images or load_images(recipe)
        straight, again = halves(session, images, output.with_name(f"{name}.checkpoint"))
        found.update({f"{name}/{key}": value for key, value in straight.items()})
        found.update({f"{name}, gone on/{key}": value for key, value in again.items()})
    assert devices is not None
    devices.agree(0.0)
    with output.open("wb") as stream:
        np.savez(stream, **found)
    sys.stdout.flush()
    # Leaving workers tear each other's connections down in any order; what was asked for is on disk.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
