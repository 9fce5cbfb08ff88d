"""What the tests of training share: a recipe of seconds, and someone who listens."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.training.loop import train


class Listener:
    """Keeps what training says; ``at_progress(step)`` is called whenever the bar moves."""

    def __init__(self, at_progress=None):
        self.notes = []
        self.steps = []
        self._at_progress = at_progress

    def note(self, message):
        self.notes.append(message)

    def loading(self, done, total):
        pass

    def progress(self, step, metrics):
        self.steps.append(step)
        if self._at_progress:
            self._at_progress(step)


@pytest.fixture(scope="session")
def listener():
    """Return the class of listeners."""
    return Listener


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
  output: {head: {use: dense, dropout: 0.3}, bias: true}
data: fashion_mnist_4k
training: {steps: 8, batch_size: 8, ema: 0.995, sample_grid: [2, 3], log_every: 2, sample_every: 4, checkpoint_every: 4}
"""


@pytest.fixture(scope="session")
def small(load, tmp_path_factory):
    """Return a function (*overrides, folder=None) -> LoadedRecipe: 28x28, four filters, eight steps."""
    file = tmp_path_factory.mktemp("small") / "small.yaml"
    file.write_text(SMALL)
    return lambda *overrides, folder=None: load(file, *overrides, folder=folder)


@pytest.fixture(scope="session")
def run(listener):
    """Return a function (loaded, path, at_progress=None) -> (Outcome, notes)."""

    def run(loaded, path, at_progress=None):
        ear = listener(at_progress)
        return train(loaded.recipe, loaded.plugins, path, ear), ear.notes

    return run


@pytest.fixture(scope="session")
def values_in():
    """Return a function path -> every array of a checkpoint."""

    def values_in(path):
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    return values_in
