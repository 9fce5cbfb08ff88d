"""Layers of the built-in plugins, by the names that saved networks hold.

``keras.saving.load_model`` finds a class that is not Keras' own only if somebody has registered it, and it imports
nobody's module to look. So the modules of these layers are imported as soon as Keras is, and not before: ``import
dcgan_kit`` does not wait for TensorFlow.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from typing import Any

import wrapt

BUILTIN_COMPONENTS = "dcgan_kit_plugins"
"""The package of the built-in plugins."""
LAYERS = "layers"
"""The module of a built-in plugin that holds its layers; it imports Keras."""


def layer_modules() -> Iterator[str]:
    """Name the modules that hold layers of the built-in plugins: ``layers`` of each plugin that is a package."""
    for plugin in _modules_in(BUILTIN_COMPONENTS):
        package = f"{BUILTIN_COMPONENTS}.{plugin.name}"
        if plugin.ispkg and any(module.name == LAYERS for module in _modules_in(package)):
            yield f"{package}.{LAYERS}"


def _modules_in(package: str) -> Iterator[pkgutil.ModuleInfo]:
    """Find the modules of a package without importing it."""
    spec = importlib.util.find_spec(package)
    yield from pkgutil.iter_modules(spec.submodule_search_locations if spec else ())


def register_with_keras() -> None:
    """See to it that saved networks of built-in components load, whether Keras is imported already or later."""

    def register(_: Any) -> None:
        for name in layer_modules():
            importlib.import_module(name)

    wrapt.register_post_import_hook(register, "keras")
