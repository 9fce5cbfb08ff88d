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


def is_layer_module(name: str) -> bool:
    """Whether a module of the built-in plugins holds layers; it imports Keras, and offers no components."""
    return name.endswith("_layers")


def layer_modules() -> Iterator[str]:
    """Name the modules that hold layers of the built-in plugins."""
    spec = importlib.util.find_spec(BUILTIN_COMPONENTS)
    for entry in pkgutil.iter_modules(spec.submodule_search_locations if spec else ()):
        if is_layer_module(entry.name):
            yield f"{BUILTIN_COMPONENTS}.{entry.name}"


def register_with_keras() -> None:
    """See to it that saved networks of built-in components load, whether Keras is imported already or later."""

    def register(_: Any) -> None:
        for name in layer_modules():
            importlib.import_module(name)

    wrapt.register_post_import_hook(register, "keras")
