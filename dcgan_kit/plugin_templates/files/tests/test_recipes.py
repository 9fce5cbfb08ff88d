"""Each recipe is valid, builds, and trains for two steps."""

from pathlib import Path

import dcgan_kit
import pytest

SOURCE = Path(__file__).parents[1] / "src"
# The package is found in its source, so the tests also run before it is installed.
SETTINGS = dcgan_kit.PluginSettings(folders=(SOURCE,))
RECIPES = sorted(path.stem for path in (SOURCE / "my_plugin" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains(name, tmp_path):
    shorter = ["training.steps=2", "training.log_every=1"]
    run = dcgan_kit.train(name, tmp_path / "run", overrides=shorter, settings=SETTINGS, watcher=dcgan_kit.Quiet())
    assert run.finished
