"""Find and load plugins. A broken plugin does not affect the others.

The order is: built-in plugins, entry points of group ``dcgan_kit``, files of plugin folders. Blocked plugins are
neither imported nor registered. The working directory is not searched.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import Distribution, EntryPoint, distributions
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from dcgan_kit.components import hooks
from dcgan_kit.components.component import Component
from dcgan_kit.components.guard import described
from dcgan_kit.components.registry import Registry
from dcgan_kit.components.saved_layers import BUILTIN_COMPONENTS
from dcgan_kit.errors import PluginError, did_you_mean

ENTRY_POINT_GROUP = "dcgan_kit"
BUILTIN_RECIPES = "dcgan_kit_recipes"
FOLDER_PLUGINS = "dcgan_kit_folder_plugins"
"""A package that exists only in memory; each plugins folder is a package inside it."""
Origin = Literal["built-in", "installed", "folder"]
_MARKER = f"{hooks.PROJECT}_impl"
HOOKS = tuple(name for name in vars(hooks) if name.startswith("dcgan_kit_"))


@dataclass(frozen=True)
class PluginSettings:
    """Which plugins a command may load.

    Attributes:
        folders: folders whose ``*.py`` files are plugins.
        blocked: names of plugins that must not be loaded.
        builtins_only: load built-in plugins only, and no third-party code.
        strict: a broken plugin is an error even if nothing needs it.
    """

    folders: tuple[Path, ...] = ()
    blocked: frozenset[str] = frozenset()
    builtins_only: bool = False
    strict: bool = False

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> PluginSettings:
        """Read DCGAN_KIT_PLUGINS_DIR, DCGAN_KIT_BLOCK (both may list several values) and DCGAN_KIT_STRICT."""
        values = os.environ if environment is None else environment
        folders = (Path(part) for part in values.get("DCGAN_KIT_PLUGINS_DIR", "").split(os.pathsep) if part)
        blocked = (name.strip() for name in values.get("DCGAN_KIT_BLOCK", "").split(","))
        return PluginSettings(
            tuple(folders), frozenset(name for name in blocked if name), strict=values.get("DCGAN_KIT_STRICT") == "1"
        )


@dataclass(frozen=True)
class Plugin:
    """One plugin and the result of loading it.

    Attributes:
        name: its name, which is the owner of its components.
        origin: where it was found.
        distribution: name and version of the installed distribution, or empty.
        file: the file it was loaded from, or empty.
        package: the package or module that contains its code.
        status: ``"loaded"``, ``"blocked"`` or ``"broken"``.
        error: why it could not be loaded, in one line; empty if it could.
        components: the components that it offers.
        unoffered: components that its module declares, but its hook does not return.
        recipes: recipe files by name.
        callbacks: its hook ``dcgan_kit_callbacks``, or None.
    """

    name: str
    origin: Origin
    distribution: str = ""
    file: str = ""
    package: str = ""
    status: Literal["loaded", "blocked", "broken"] = "loaded"
    error: str = ""
    components: tuple[Component, ...] = ()
    unoffered: tuple[Component, ...] = ()
    recipes: Mapping[str, Path] = field(default_factory=dict)
    callbacks: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution or self.file or self.origin})"

    @property
    def label(self) -> str:
        """Name of the plugin in error messages."""
        return f"plugin {self}"


@dataclass(frozen=True)
class LoadedPlugins:
    """Every plugin that was found, and the registry of the components that the loaded ones offer."""

    plugins: tuple[Plugin, ...]

    @property
    def registry(self) -> Registry:
        """All components of the plugins that loaded."""
        return Registry(
            (c for plugin in self.plugins for c in plugin.components),
            ((c, _why_unoffered(plugin)) for plugin in self.plugins for c in plugin.unoffered),
        )

    @property
    def recipes(self) -> dict[str, Path]:
        """All recipes by name, or by ``owner/name`` if several plugins use the same name."""
        offered = [(plugin.name, name, path) for plugin in self.plugins for name, path in plugin.recipes.items()]
        names = [name for _, name, _ in offered]
        return {name if names.count(name) == 1 else f"{owner}/{name}": path for owner, name, path in offered}

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """The plugins that could not be loaded."""
        return tuple(plugin for plugin in self.plugins if plugin.status == "broken")

    @property
    def strangers(self) -> frozenset[str]:
        """The names of the plugins that are not built in."""
        return frozenset(plugin.name for plugin in self.plugins if plugin.origin != "built-in")

    def find(self, name: str) -> Plugin:
        """Return the plugin of that name.

        Raises:
            PluginError: no plugin of that name was found.
        """
        for plugin in self.plugins:
            if plugin.name == name:
                return plugin
        raise PluginError(f"unknown plugin {name!r}.{did_you_mean(name, (p.name for p in self.plugins))}")


def load_builtins(settings: PluginSettings = PluginSettings()) -> LoadedPlugins:
    """Load the built-in plugins only."""
    return _load(_builtin_sources(), settings)


def load_plugins(settings: PluginSettings = PluginSettings()) -> LoadedPlugins:
    """Load every plugin that the settings allow.

    Raises:
        PluginError: a plugin folder cannot be read, or ``settings.strict`` is set and a plugin is broken.
    """
    if settings.builtins_only:
        return load_builtins(settings)
    sources = [*_builtin_sources(), *_installed_sources()]
    for folder in settings.folders:
        sources.extend(_folder_sources(folder, settings.blocked))
    loaded = _load(sources, settings)
    if settings.strict and loaded.broken:
        raise PluginError("\n".join(f"plugin {plugin} is broken: {plugin.error}" for plugin in loaded.broken))
    return loaded


@dataclass(frozen=True)
class _Source:
    name: str
    origin: Origin
    load: Callable[[], Any]
    package: str
    distribution: str = ""
    file: str = ""
    module: str = ""


class _HasNoHook(PluginError):
    """A module has no hook. This is a mistake, unless another file of the same plugins folder imports it."""


def _builtin_sources() -> Iterator[_Source]:
    spec = importlib.util.find_spec(BUILTIN_COMPONENTS)
    for entry in pkgutil.iter_modules(spec.submodule_search_locations if spec else ()):
        if not entry.name.startswith("_"):
            name = f"{BUILTIN_COMPONENTS}.{entry.name}"
            yield _Source(entry.name, "built-in", partial(importlib.import_module, name), BUILTIN_COMPONENTS)
    yield _Source("recipes", "built-in", partial(importlib.import_module, BUILTIN_RECIPES), BUILTIN_RECIPES)


def _installed_sources() -> Iterator[_Source]:
    found: list[tuple[str, str, EntryPoint]] = []
    for distribution in distributions():
        for entry in distribution.entry_points:
            if entry.group == ENTRY_POINT_GROUP:
                found.append((entry.name, _label(distribution), entry))
    # One distribution can be on sys.path twice; its entry points are then found twice.
    for name, label, entry in sorted(set(found), key=lambda item: (item[0], item[1], item[2].value)):
        yield _Source(name, "installed", entry.load, entry.module.partition(".")[0], label)


def _label(distribution: Distribution) -> str:
    return f"{distribution.metadata['Name']} {distribution.version}"


def unknown_names(settings: PluginSettings) -> dict[str, str]:
    """Return the blocked names that no plugin has, each with a suggestion.

    Raises:
        PluginError: a plugin folder cannot be read.
    """
    known = {source.name for source in (*_builtin_sources(), *_installed_sources())}
    known.update(path.stem for folder in settings.folders for path in plugin_files(folder))
    return {name: did_you_mean(name, known) for name in sorted(settings.blocked - known)}


def plugin_files(folder: Path) -> list[Path]:
    """Return the files of a plugins folder that may be plugins, sorted by name.

    Raises:
        PluginError: it is not a folder, or it cannot be read.
    """
    try:
        entries = sorted(folder.absolute().iterdir())
    except OSError as error:
        raise PluginError(f"plugins folder {folder}: {error.strerror}") from error
    return [path for path in entries if path.suffix == ".py" and not path.name.startswith("_")]


def _folder_sources(folder: Path, blocked: Collection[str]) -> Iterator[_Source]:
    files = plugin_files(folder)
    package = _package_of(folder.absolute())
    for path in files:
        name = f"{package}.{path.stem}"
        if path.stem in blocked:
            # Importing it fails, so that another file of the folder cannot run a blocked plugin.
            sys.modules[name] = None  # type: ignore[assignment]
        load = partial(_module_from, path, name)
        yield _Source(path.stem, "folder", load, name, file=str(path), module=name)


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


def _load(sources: Iterable[_Source], settings: PluginSettings) -> LoadedPlugins:
    plugins: list[Plugin] = []
    hookless: dict[str, str] = {}
    for source in sources:
        facts = {
            "name": source.name,
            "origin": source.origin,
            "distribution": source.distribution,
            "file": source.file,
            "package": source.package,
        }
        if source.name in settings.blocked:
            plugins.append(Plugin(**facts, status="blocked"))  # type: ignore[arg-type]
            continue
        namesake = next((p for p in plugins if p.name == source.name and p.status == "loaded"), None)
        if namesake is not None:
            error = f"a plugin of that name is loaded already: {namesake}"
            plugins.append(Plugin(**facts, status="broken", error=error))  # type: ignore[arg-type]
            continue
        imported = source.module in sys.modules
        try:
            # Programs read standard output, so text that a plugin's module prints goes to standard error.
            with redirect_stdout(sys.stderr):
                module = source.load()
                facts["file"] = source.file or getattr(module, "__file__", "") or ""
                offers = _offers(module, source)
        except (Exception, SystemExit) as error:
            declared = _declared(module, source) if isinstance(error, _HasNoHook) else ()
            if isinstance(error, _HasNoHook) and source.module:
                hookless[source.file] = source.module
                if not imported:
                    # If another file of the folder imports it later, it is in sys.modules at the end of this loop.
                    del sys.modules[source.module]
            # A plugin's module may raise anything or call sys.exit; the plugin is recorded as broken.
            told = _told(error, source.package, facts["file"])
            plugins.append(Plugin(**facts, status="broken", error=told, unoffered=declared))  # type: ignore[arg-type]
        else:
            plugins.append(Plugin(**facts, **offers))  # type: ignore[arg-type]
    return LoadedPlugins(tuple(p for p in plugins if hookless.get(p.file) not in sys.modules))


def _declared(module: Any, source: _Source) -> tuple[Component, ...]:
    """Return the components that a module itself declares, with its plugin as owner."""
    values = vars(module).values() if isinstance(module, ModuleType) else ()
    return tuple(
        value.owned_by(source.name, source.distribution)
        for value in values
        if isinstance(value, Component) and value.factory.__module__ == module.__name__
    )


def _why_unoffered(plugin: Plugin) -> str:
    hook = "dcgan_kit_components"
    missing = f"its hook {hook} does not return it" if plugin.components else f"has no hook {hook} that returns it"
    return f"{plugin.file or plugin} was loaded and declares it, but {missing}"


def _offers(module: Any, source: _Source) -> dict[str, Any]:
    _check_hook_names(module)
    # Each plugin has its own manager, so that a failure of a hook is known to belong to it.
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(module, name=source.name)
    components = _components(manager, module, source)
    offered = {(component.kind, component.name) for component in components}
    return {
        "components": components,
        "unoffered": tuple(c for c in _declared(module, source) if (c.kind, c.name) not in offered),
        "recipes": _recipes(manager, module),
        "callbacks": _hook(manager, module, "dcgan_kit_callbacks"),
    }


def _check_hook_names(module: Any) -> None:
    marked = [n for n in dir(module) if isinstance(getattr(getattr(module, n, None), _MARKER, None), dict)]
    for name in marked:
        if name not in HOOKS:
            raise PluginError(f"unknown hook {name!r}.{did_you_mean(name, HOOKS)}")
    forgotten = [n for n in HOOKS if n not in marked and callable(getattr(module, n, None))]
    if forgotten:
        raise PluginError(f"{forgotten[0]} lacks the @hookimpl decorator")
    if not marked:
        raise _HasNoHook(f"has no hook: define one of {', '.join(HOOKS)} under @hookimpl")


def _hook(manager: pluggy.PluginManager, module: Any, name: str) -> Callable[..., Any] | None:
    caller: Callable[..., Any] | None = getattr(manager.hook, name) if hasattr(module, name) else None
    return caller


def _returned(manager: pluggy.PluginManager, module: Any, name: str) -> Any:
    """Call a hook of the module and return its result; None if the module has no such hook."""
    caller = _hook(manager, module, name)
    if caller is None:
        return None
    results = caller()
    if not results:
        raise PluginError(f"{name} returned None: is a 'return' missing?")
    return results[0]


def _components(manager: pluggy.PluginManager, module: Any, source: _Source) -> tuple[Component, ...]:
    returned = _returned(manager, module, "dcgan_kit_components")
    if returned is None:
        return ()
    if not isinstance(returned, Iterable) or isinstance(returned, str):
        raise PluginError(f"dcgan_kit_components must return components in a list, and returned {returned!r}")
    components: list[Component] = []
    for item in returned:
        if not isinstance(item, Component):
            raise PluginError(
                f"dcgan_kit_components must return components (made by @component), and returned {item!r}"
            )
        if any((item.kind, item.name) == (other.kind, other.name) for other in components):
            raise PluginError(f"dcgan_kit_components returned two components called {item.kind} {item.name!r}")
        owned = item.owned_by(source.name, source.distribution)
        if source.origin != "built-in":
            # Annotations of third-party components are evaluated here, where errors are caught. Tests evaluate those
            # of built-in components.
            try:
                owned.check_options()
            except TypeError as error:
                raise PluginError(str(error)) from error
        components.append(owned)
    return tuple(components)


def _recipes(manager: pluggy.PluginManager, module: Any) -> dict[str, Path]:
    returned = _returned(manager, module, "dcgan_kit_recipes")
    if returned is None:
        return {}
    if not isinstance(returned, Mapping):
        raise PluginError(f"dcgan_kit_recipes must return a mapping from name to file, and returned {returned!r}")
    return {str(name): Path(path) for name, path in returned.items()}


def _told(error: BaseException, package: str, file: str) -> str:
    """Return one line that says what a plugin raised, or what is wrong with it."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError):
        return " ".join(str(error).split())
    line = described(error, package)
    if isinstance(error, ModuleNotFoundError) and file and Path(file).with_name(f"{error.name}.py").is_file():
        line += f"; it lies beside the plugin: write `from . import {error.name}`"
    return line
