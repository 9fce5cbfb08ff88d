"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.recipes.loading import load_recipe

pytest_plugins = ["generated_package", "training_fixtures"]

# Nothing above imports TensorFlow, which reads this when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As the commands do.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Graphs are many objects that refer to each other, and a full collection walks through all of them.
gc.set_threshold(10_000, 20, 20)
# A shell lets what it puts into the background ignore Ctrl-C, as nohup does with SIGHUP; who is started here is not to.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)
# What holds is the same on every machine: on the processor, alone, also in a job of a scheduler. Who tests a GPU says so.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
for _name in [name for name in os.environ if name.startswith(("DCGAN_KIT_", "SLURM", "TF_CONFIG", "TPU_"))]:
    del os.environ[_name]


LONGEST = ("test_pages.py", "test_distribution.py")
"""Files of many minutes. A process runs a whole file, so one that began last would keep the others waiting."""


def pytest_collection_modifyitems(items):
    """Run the longest files first."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def sample_plugins():
    """The folder of sample plugins."""
    return Path(__file__).parent / "sample_plugins"


@pytest.fixture(scope="session")
def load():
    """Return a function (reference, *overrides, folder=None) -> LoadedRecipe."""

    def load(reference, *overrides, folder=None):
        folders = () if folder is None else (Path(folder),)
        return load_recipe(str(reference), overrides, PluginSettings(folders=folders))

    return load


@pytest.fixture(scope="session")
def resolve(load):
    """Return a function (reference, *overrides) -> ResolvedRecipe of built-in components."""
    return lambda reference, *overrides: load(reference, *overrides).recipe


@pytest.fixture(scope="session")
def dcgan_kit():
    """The command, as it was installed."""
    return str(Path(sys.executable).with_name("dcgan-kit"))


@pytest.fixture
def determinism():
    """Switch for TensorFlow's demand that operations give the same twice, put back afterwards.

    The demand holds for the process, and training makes it: what depends on it must set it.
    """
    import tensorflow as tf
    from tensorflow.python.framework import config

    def demand(wanted: bool) -> None:
        if wanted:
            tf.config.experimental.enable_op_determinism()
        else:
            config.disable_op_determinism()

    before = config.is_op_determinism_enabled()
    yield demand
    demand(before)


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """An empty cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(folder))
    return folder


SPECIMEN = """version: 1
extends: dcgan
image: {size: 16, channels: 1}
latent: {size: 8}
generator:
  input: {projection: {use: dense, size: 4}, filters: 8}
  stages:
    - filters: 8
discriminator:
  stages:
    - {filters: 8, normalization: none, bias: true}
    - filters: 8
  output: {head: dense, bias: true}
data: fashion_mnist_4k
training: {precision: float32, batch_size: 16, steps: 100}
"""


@pytest.fixture(scope="session")
def specimen(load, tmp_path_factory):
    """Return a function (*overrides) -> FixedBatch of small networks at step 0, on 64 images."""
    file = tmp_path_factory.mktemp("specimen") / "specimen.yaml"
    file.write_text(SPECIMEN)

    def specimen(*overrides):
        import numpy as np

        from dcgan_kit import Images
        from dcgan_kit.adversarial.session import Session
        from dcgan_kit.probing.context import FixedBatch

        recipe = load(file, *overrides).recipe
        height, width, channels = recipe.image.shape
        white = np.random.default_rng(0).standard_normal((64, height, width, channels))
        distance = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))[..., None]
        # Amplitudes that fall with the frequency, as those of photographs do.
        smooth = np.fft.ifft2(np.fft.fft2(white, axes=(1, 2)) / (distance + 1 / height), axes=(1, 2)).real
        pixels = np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)
        return FixedBatch(Session.create(recipe), Images(pixels))

    return specimen
