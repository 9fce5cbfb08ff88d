"""The modules that must be imported before a saved network loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from dcgan_kit.components.plugin_sources import FOLDER_PLUGINS
from dcgan_kit.components.saved_layers import BUILTIN_COMPONENTS

_LOADABLE = ("keras", BUILTIN_COMPONENTS)
"""Packages whose classes Keras finds without further imports, or after an import of ``dcgan_kit``."""


def import_messages(model: Any) -> list[str]:
    """Return one message for each module, besides Keras and dcgan_kit, that must be imported to load a saved model."""
    names: dict[str, set[str]] = {}
    for module, name in _classes(keras.saving.serialize_keras_object(model)):
        if module.partition(".")[0] not in _LOADABLE:
            names.setdefault(module, set()).add(name)
    return [_line(module, sorted(found)) for module, found in sorted(names.items())]


def import_lines(model: Any) -> list[str]:
    """Return lines of Python that must run before Keras loads a saved model; empty if every layer is one of Keras."""
    modules = {module for module, _ in _classes(keras.saving.serialize_keras_object(model))}
    foreign = sorted(module for module in modules if module.partition(".")[0] != "keras")
    return list(dict.fromkeys(line for module in foreign for line in _import_of(module)))


def _import_of(module: str) -> Iterator[str]:
    package = module.partition(".")[0]
    if package in (BUILTIN_COMPONENTS, "dcgan_kit"):
        yield "import dcgan_kit"
    elif package != FOLDER_PLUGINS:
        yield f"import {module}"
    else:
        file = getattr(sys.modules.get(module), "__file__", None)
        yield "import sys"
        yield f"sys.path.append({str(Path(file).parent) if file else '…'!r})"
        yield f"import {module.rpartition('.')[2]}"


def _line(module: str, names: list[str]) -> str:
    package, plugin = module.partition(".")[0], module.rpartition(".")[2]
    prefix = f"needs {', '.join(names)} of "
    if package != FOLDER_PLUGINS:
        return f"{prefix}{module}: import it before keras.saving.load_model"
    file = getattr(sys.modules.get(module), "__file__", None)
    where = f"the plugin file {file}" if file else f"the plugin {plugin}"
    folder = str(Path(file).parent) if file else "…"
    return f"{prefix}{where}: before keras.saving.load_model, sys.path.append({folder!r}) and import {plugin}"


def _classes(config: Any) -> Iterator[tuple[str, str]]:
    """Yield the module and name of every class and function in a serialized object."""
    if isinstance(config, dict):
        name, module = config.get("class_name"), config.get("module")
        if name == "function":
            # For a registered function, Keras writes "builtins" as module, and the registered name.
            registered = keras.saving.get_registered_object(config["config"])
            if registered is not None:
                yield registered.__module__, registered.__name__
        elif isinstance(name, str) and isinstance(module, str):
            yield module, name
    inner = config.values() if isinstance(config, dict) else config if isinstance(config, list | tuple) else ()
    for value in inner:
        yield from _classes(value)
