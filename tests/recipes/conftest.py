"""What the tests of the recipe language share."""

from pathlib import Path

import pytest
from hypothesis import settings

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import UserError
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.resolver import resolve
from dcgan_kit.recipes.yaml_reader import read_text

settings.register_profile("stable", deadline=None, derandomize=True, database=None, max_examples=100)
settings.load_profile("stable")

WHOLE = Path(__file__).parent / "broken" / "parents" / "whole.yaml"


@pytest.fixture(scope="session")
def builtins():
    """The built-in plugins."""
    return load_builtins()


@pytest.fixture
def whole():
    """The text of a small whole recipe."""
    return WHOLE.read_text()


@pytest.fixture
def resolved(builtins):
    """Return a function (text, *overrides) -> resolved recipe, without any file."""

    def resolved(text, *overrides):
        return resolve(overridden(read_text(text, "test.yaml"), overrides), builtins, "test")

    return resolved


@pytest.fixture
def problems(tmp_path):
    """Return a function (text, *overrides) -> what is wrong, as lines; places in the text lose its path."""

    def problems(text, *overrides):
        file = tmp_path / "recipe.yaml"
        file.write_text(text)
        with pytest.raises(UserError) as caught:
            load_recipe(str(file), overrides, PluginSettings())
        return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]

    return problems


@pytest.fixture
def extending_whole():
    """Return a function body -> text of a recipe that extends the small whole one; the body begins in line 3."""
    return lambda body: f"version: 1\nextends: {WHOLE}\n{body}"
