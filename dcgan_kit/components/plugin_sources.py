"""The places where plugins are found: the package of built-in plugins, entry points, and plugins folders.

Finding a plugin does not import it. The working directory is not searched.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, EntryPoint, distributions
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from dcgan_kit.components.plugin import Origin, PluginSettings
from dcgan_kit.components.saved_layers import BUILTIN_COMPONENTS
from dcgan_kit.errors import PluginError, did_you_mean

ENTRY_POINT_GROUP = "dcgan_kit"
BUILTIN_RECIPES = "dcgan_kit_recipes"
FOLDER_PLUGINS = "dcgan_kit_folder_plugins"
"""A package that exists only in memory; each plugins folder is a package inside it."""
PACKAGE_FILE = "__init__.py"


@dataclass(frozen=True)
class Source:
    """A plugin that was found and is not loaded yet.

    Attributes:
        name: name of the plugin.
        origin: where it was found.
        load: a function that imports it.
        package: the package or module that contains its code.
        distribution: name and version of the installed distribution, or empty.
        file: its file in a plugins folder, or empty.
        module: name of the module that the file becomes, or empty.
    """

    name: str
    origin: Origin
    load: Callable[[], Any]
    package: str
    distribution: str = ""
    file: str = ""
    module: str = ""


def builtin_sources() -> Iterator[Source]:
    """Yield the built-in plugins, and the shipped recipes as one more."""
    spec = importlib.util.find_spec(BUILTIN_COMPONENTS)
    for entry in pkgutil.iter_modules(spec.submodule_search_locations if spec else ()):
        if not entry.name.startswith("_"):
            name = f"{BUILTIN_COMPONENTS}.{entry.name}"
            yield Source(entry.name, "built-in", partial(importlib.import_module, name), BUILTIN_COMPONENTS)
    yield Source("recipes", "built-in", partial(importlib.import_module, BUILTIN_RECIPES), BUILTIN_RECIPES)


def installed_sources() -> Iterator[Source]:
    """Yield the plugins of installed distributions, sorted by name."""
    found: list[tuple[str, str, EntryPoint]] = []
    for distribution in distributions():
        for entry in distribution.entry_points:
            if entry.group == ENTRY_POINT_GROUP:
                found.append((entry.name, _label(distribution), entry))
    # One distribution can be on sys.path twice; its entry points are then found twice.
    for name, label, entry in sorted(set(found), key=lambda item: (item[0], item[1], item[2].value)):
        yield Source(name, "installed", entry.load, entry.module.partition(".")[0], label)


def _label(distribution: Distribution) -> str:
    return f"{distribution.metadata['Name']} {distribution.version}"


def unknown_names(settings: PluginSettings) -> dict[str, str]:
    """Return the blocked names that no plugin has, each with a suggestion.

    Raises:
        PluginError: a plugin folder cannot be read.
    """
    known = {source.name for source in (*builtin_sources(), *installed_sources())}
    known.update(plugin_name(path) for folder in settings.folders for path in plugin_files(folder))
    return {name: did_you_mean(name, known) for name in sorted(settings.blocked - known)}


def plugin_files(folder: Path) -> list[Path]:
    """Return the files of a plugins folder that may be plugins, sorted by name.

    A plugin is a file ``NAME.py``, or a package ``NAME/__init__.py``. A name that begins with ``_`` is no plugin.

    Raises:
        PluginError: it is not a folder, or it cannot be read.
    """
    try:
        entries = sorted(folder.absolute().iterdir())
        found = [path / PACKAGE_FILE if path.is_dir() else path for path in entries if not path.name.startswith("_")]
        return [path for path in found if path.suffix == ".py" and (path.name != PACKAGE_FILE or path.is_file())]
    except OSError as error:
        raise PluginError(f"plugins folder {folder}: {error.strerror}") from error


def plugin_name(file: Path) -> str:
    """Return the name of the plugin in a file of a plugins folder: ``NAME.py`` or ``NAME/__init__.py``."""
    return file.parent.name if file.name == PACKAGE_FILE else file.stem


def plugins_folder(file: Path) -> Path:
    """Return the plugins folder that a plugin's file ``NAME.py`` or ``NAME/__init__.py`` belongs to."""
    return file.parent.parent if file.name == PACKAGE_FILE else file.parent


def folder_sources(folder: Path, blocked: Collection[str]) -> Iterator[Source]:
    """Yield the plugins of a plugins folder, sorted by name. The blocked ones cannot be imported afterwards.

    Raises:
        PluginError: it is not a folder, or it cannot be read.
    """
    files = plugin_files(folder)
    package = _package_of(folder.absolute())
    for path in files:
        plugin = plugin_name(path)
        name = f"{package}.{plugin}"
        if plugin in blocked:
            # Importing it fails, so that another file of the folder cannot run a blocked plugin.
            sys.modules[name] = None  # type: ignore[assignment]
        load = partial(_module_from, path, name)
        # The package is the whole folder: an error in a file that the plugin imports has its place there.
        yield Source(plugin, "folder", load, package, file=str(path), module=name)


def _package_of(folder: Path) -> str:
    """Make a plugins folder a package, so that its files can import each other, and return the package's name.

    ``sys.path`` stays the same. ``from . import x`` finds ``x`` beside the plugin. It hides no module of another folder
    or of an installed library.
    """
    importlib.invalidate_caches()
    sys.modules.setdefault(FOLDER_PLUGINS, _module_of_package(FOLDER_PLUGINS, []))
    base = re.sub(r"\W", "_", folder.name) or "folder"
    for name in (f"{FOLDER_PLUGINS}.{base}{number or ''}" for number in count()):
        taken = sys.modules.get(name)
        if taken is None or list(taken.__path__) == [str(folder)]:
            break
    # Files may have changed since they were last loaded.
    for loaded in [module for module in sys.modules if module.startswith(f"{name}.")]:
        del sys.modules[loaded]
    sys.modules[name] = _module_of_package(name, [str(folder)])
    return name


def _module_of_package(name: str, path: list[str]) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = path
    return module


def _module_from(path: Path, name: str) -> Any:
    loaded = sys.modules.get(name)
    if loaded is not None:
        # Another file of the folder has imported it.
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    # Keras serialization and pickling of custom layers look up the module by name while it is still executing.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
