"""What the tests of components and plugins share."""

from dataclasses import replace

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_plugins


@pytest.fixture
def folder(tmp_path):
    """Return a function name=source, … -> a folder of those plugin files."""

    def folder(**sources):
        path = tmp_path / "plugins"
        path.mkdir(exist_ok=True)
        for name, source in sources.items():
            (path / f"{name}.py").write_text(source)
        return path

    return folder


@pytest.fixture
def load(folder):
    """Return a function name=source, … -> what loading them beside the built-ins gives."""

    def load(settings=None, **sources):
        settings = settings or PluginSettings()
        return load_plugins(replace(settings, folders=(*settings.folders, folder(**sources))))

    return load
