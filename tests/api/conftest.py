"""What the tests of the API share: one run of seconds, trained through it."""

from __future__ import annotations

import pytest

import dcgan_kit

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)


@pytest.fixture(scope="session")
def tiny_recipe():
    """A recipe of seconds, loaded through the API."""
    return dcgan_kit.load_recipe(
        "tiny-fashion28", settings=BUILTINS, training={"steps": 4, "checkpoint_every": 2, "log_every": 2}
    )


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe, tmp_path_factory):
    """A finished run of it."""
    return dcgan_kit.train(tiny_recipe, tmp_path_factory.mktemp("api") / "run", watcher=dcgan_kit.Quiet())
