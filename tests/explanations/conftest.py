"""Worked examples with the built-in components."""

import pytest

from dcgan_kit import explain
from dcgan_kit.components.plugin import PluginSettings


@pytest.fixture(scope="session")
def work():
    """Return a function (component, *options, input=None, kernel=None) -> Explanation."""

    def work(component, *options, **numbers):
        return explain(component, *options, settings=PluginSettings(builtins_only=True), **numbers)

    return work
