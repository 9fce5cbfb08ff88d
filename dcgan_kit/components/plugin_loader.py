"""Load plugins. A broken plugin does not affect the others.

The order is: built-in plugins, entry points of group ``dcgan_kit``, files of plugin folders. Blocked plugins are
neither imported nor registered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from dcgan_kit.components import hooks
from dcgan_kit.components.component import Component
from dcgan_kit.components.guard import described
from dcgan_kit.components.import_hint import import_hint
from dcgan_kit.components.plugin import LoadedPlugins, Plugin, PluginSettings
from dcgan_kit.components.plugin_sources import (
    FOLDER_PLUGINS,
    Source,
    builtin_sources,
    folder_sources,
    installed_sources,
    plugins_folder,
)
from dcgan_kit.errors import PluginError, did_you_mean

_MARKER = f"{hooks.PROJECT}_impl"
_ANY_PLUGIN = PluginSettings()
HOOKS = tuple(name for name in vars(hooks) if name.startswith("dcgan_kit_"))


class _HasNoHook(PluginError):
    """A module has no hook. This is a mistake, unless another file of the same plugins folder imports it."""


def load_builtins(settings: PluginSettings = _ANY_PLUGIN) -> LoadedPlugins:
    """Load the built-in plugins only."""
    return _load(builtin_sources(), settings)


def load_plugins(settings: PluginSettings = _ANY_PLUGIN) -> LoadedPlugins:
    """Load every plugin that the settings allow.

    Raises:
        PluginError: a plugin folder cannot be read, or ``settings.strict`` is set and a plugin is broken.
    """
    if settings.builtins_only:
        return load_builtins(settings)
    sources = [*builtin_sources(), *installed_sources()]
    for folder in settings.folders:
        sources.extend(folder_sources(folder, settings.blocked))
    loaded = _load(sources, settings)
    if settings.strict and loaded.broken:
        raise PluginError("\n".join(f"plugin {plugin} is broken: {plugin.error}" for plugin in loaded.broken))
    return loaded


def load_files(files: Sequence[Path], settings: PluginSettings = _ANY_PLUGIN) -> LoadedPlugins:
    """Load the built-in plugins, and some files of plugins folders, without the other files of these folders.

    Args:
        files: files ``NAME.py`` or ``NAME/__init__.py``, as ``plugin_files`` returns them.
        settings: which plugins may be loaded; its folders are ignored.

    Raises:
        PluginError: a folder cannot be read.
    """
    sources = list(builtin_sources())
    for folder in dict.fromkeys(map(plugins_folder, files)):
        found = folder_sources(folder, settings.blocked)
        sources.extend(source for source in found if Path(source.file) in files)
    return _load(sources, settings)


@dataclass
class _Loader:
    """Loads plugins one after the other.

    Attributes:
        settings: which plugins may be loaded.
        plugins: the plugins so far, loaded or not.
        hookless: the files of plugins folders that have no hook, with the names of their modules.
    """

    settings: PluginSettings
    plugins: list[Plugin] = field(default_factory=list)
    hookless: dict[str, str] = field(default_factory=dict)

    def add(self, source: Source) -> None:
        plugin = Plugin(source.name, source.origin, source.distribution, source.file, source.package)
        namesake = next((p for p in self.plugins if p.name == source.name and p.status == "loaded"), None)
        if source.name in self.settings.blocked:
            plugin = replace(plugin, status="blocked")
        elif namesake is not None:
            error = f"a plugin of that name is loaded already: {namesake}"
            plugin = replace(plugin, status="broken", error=error)
        else:
            plugin = self._loaded(plugin, source)
        self.plugins.append(plugin)

    def _loaded(self, plugin: Plugin, source: Source) -> Plugin:
        imported = source.module in sys.modules
        module = None
        try:
            # Programs read standard output, so text that a plugin's module prints goes to standard error.
            with redirect_stdout(sys.stderr):
                module = source.load()
                plugin = replace(plugin, file=source.file or getattr(module, "__file__", "") or "")
                return replace(plugin, **_offers(module, source))
        except _HasNoHook as error:
            if source.module:
                self.hookless[source.file] = source.module
                if not imported:
                    # If another file of the folder imports it later, it is in sys.modules at the end.
                    del sys.modules[source.module]
            return replace(plugin, status="broken", error=str(error), unoffered=_declared(module, source))
        except (Exception, SystemExit) as error:
            # A plugin's module may raise anything or call sys.exit; the plugin is recorded as broken.
            return replace(plugin, status="broken", error=_error_line(error, source))

    def result(self) -> LoadedPlugins:
        """Return the plugins, without the hookless files that another file of their folder imports."""
        return LoadedPlugins(tuple(p for p in self.plugins if self.hookless.get(p.file) not in sys.modules))


def _load(sources: Iterable[Source], settings: PluginSettings) -> LoadedPlugins:
    loader = _Loader(settings)
    for source in sources:
        loader.add(source)
    return loader.result()


def _declared(module: Any, source: Source) -> tuple[Component, ...]:
    """Return the components that a module itself declares, with its plugin as owner."""
    values = vars(module).values() if isinstance(module, ModuleType) else ()
    return tuple(
        value.owned_by(source.name, source.distribution)
        for value in values
        if isinstance(value, Component) and value.factory.__module__ == module.__name__
    )


def _offers(module: Any, source: Source) -> dict[str, Any]:
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
        "recipes": _files(manager, module, "dcgan_kit_recipes"),
        "studies": _files(manager, module, "dcgan_kit_studies"),
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


def _components(manager: pluggy.PluginManager, module: Any, source: Source) -> tuple[Component, ...]:
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


def _files(manager: pluggy.PluginManager, module: Any, hook: str) -> dict[str, Path]:
    returned = _returned(manager, module, hook)
    if returned is None:
        return {}
    if not isinstance(returned, Mapping):
        raise PluginError(f"{hook} must return a mapping from name to file, and returned {returned!r}")
    return {str(name): Path(path) for name, path in returned.items()}


def _error_line(error: BaseException, source: Source) -> str:
    """Return one line that says what a plugin raised, or what is wrong with it."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, pluggy.PluginValidationError):
        return " ".join(str(error).split())
    # The name of the package that holds all plugins folders means nothing to an author.
    return described(error, source.package).replace(f"{FOLDER_PLUGINS}.", "") + import_hint(error, source)
