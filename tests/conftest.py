"""What all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dcgan_kit.components.plugins import PluginSettings
from dcgan_kit.recipes.loading import load_recipe

# Nothing above imports TensorFlow, which reads this when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for _name in [name for name in os.environ if name.startswith("DCGAN_KIT_")]:
    del os.environ[_name]


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
