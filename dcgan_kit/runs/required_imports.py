"""The modules that must be imported before a saved network loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from dcgan_kit.components.plugin_files import code_files
from dcgan_kit.components.plugin_sources import FOLDER_PLUGINS, PACKAGE_FILE
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


def _line(module: str, names: list[str]) -> str:
    prefix = f"needs {', '.join(names)} of "
    if module.partition(".")[0] != FOLDER_PLUGINS:
        return f"{prefix}{module}: import it before keras.saving.load_model"
    file = _file_of(module)
    plugin = f"plugin {module.rpartition('.')[2]}" if file is None else f"plugin file {file}"
    return f"{prefix}the {plugin}: before keras.saving.load_model, run: {'; '.join(_import_of(module))}"


def _import_of(module: str) -> Iterator[str]:
    """Yield the lines of Python after which Keras finds the classes of a module."""
    package = module.partition(".")[0]
    if package in (BUILTIN_COMPONENTS, "dcgan_kit"):
        yield "import dcgan_kit"
    elif package != FOLDER_PLUGINS:
        yield f"import {module}"
    else:
        # The first two parts are the package of all plugins folders, and that of this folder.
        yield from _import_of_plugin(_file_of(module), module.split(".")[2:])


def _import_of_plugin(file: Path | None, below: list[str]) -> Iterator[str]:
    """Yield the lines for a module of a plugins folder.

    Args:
        file: its file; None if nobody knows.
        below: its name below the folder, in parts.
    """
    if file is None:
        yield f"import {below[-1]}"
    elif len(below) == 1 and file.name != PACKAGE_FILE and code_files(file) == [file]:
        yield "import sys"
        yield f"sys.path.append({str(file.parent)!r})"
        yield f"import {below[0]}"
    else:
        # A file that imports its neighbours needs the package that dcgan-kit makes of the folder.
        folder = str(file.parents[len(below) - (file.name != PACKAGE_FILE)])
        yield "import pathlib"
        yield "import dcgan_kit"
        yield f"dcgan_kit.list_plugins(settings=dcgan_kit.PluginSettings(folders=(pathlib.Path({folder!r}),)))"


def _file_of(module: str) -> Path | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file else None


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
