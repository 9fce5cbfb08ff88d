"""Register the layers of the built-in plugins with Keras, so that saved networks can be loaded.

``keras.saving.load_model`` finds a custom class only if it is registered; it does not import modules to search for it.
So the modules of these layers are imported right after Keras is. They are not imported earlier, because ``import
dcgan_kit`` must not wait for TensorFlow.
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
"""The module of a built-in plugin that contains its layers; it imports Keras."""


def layer_modules() -> Iterator[str]:
    """Yield the names of the modules with layers of built-in plugins: ``layers`` of each plugin that is a package."""
    for plugin in _modules_in(BUILTIN_COMPONENTS):
        package = f"{BUILTIN_COMPONENTS}.{plugin.name}"
        if plugin.ispkg and any(module.name == LAYERS for module in _modules_in(package)):
            yield f"{package}.{LAYERS}"


def _modules_in(package: str) -> Iterator[pkgutil.ModuleInfo]:
    """Find the modules of a package without importing it."""
    spec = importlib.util.find_spec(package)
    yield from pkgutil.iter_modules(spec.submodule_search_locations if spec else ())


def register_with_keras() -> None:
    """Register the layers of the built-in plugins now if Keras is imported, or else when it is imported."""

    def register(_: Any) -> None:
        for name in layer_modules():
            importlib.import_module(name)

    wrapt.register_post_import_hook(register, "keras")
