"""Plugins: which of them a command may load, and the result of loading each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dcgan_kit.components.component import Component
from dcgan_kit.components.registry import Registry
from dcgan_kit.errors import PluginError, did_you_mean

Origin = Literal["built-in", "installed", "folder"]
Status = Literal["loaded", "blocked", "broken"]


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
        studies: study files by name.
        callbacks: its hook ``dcgan_kit_callbacks``, or None.
    """

    name: str
    origin: Origin
    distribution: str = ""
    file: str = ""
    package: str = ""
    status: Status = "loaded"
    error: str = ""
    components: tuple[Component, ...] = ()
    unoffered: tuple[Component, ...] = ()
    recipes: Mapping[str, Path] = field(default_factory=dict)
    studies: Mapping[str, Path] = field(default_factory=dict)
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
        return self._by_name("recipes")

    @property
    def studies(self) -> dict[str, Path]:
        """All study files by name, or by ``owner/name`` if several plugins use the same name."""
        return self._by_name("studies")

    def _by_name(self, files: Literal["recipes", "studies"]) -> dict[str, Path]:
        offered = [
            (plugin.name, name, path) for plugin in self.plugins for name, path in getattr(plugin, files).items()
        ]
        names = [name for _, name, _ in offered]
        return {name if names.count(name) == 1 else f"{owner}/{name}": path for owner, name, path in offered}

    @property
    def broken(self) -> tuple[Plugin, ...]:
        """The plugins that could not be loaded."""
        return tuple(plugin for plugin in self.plugins if plugin.status == "broken")

    @property
    def third_party(self) -> frozenset[str]:
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


def _why_unoffered(plugin: Plugin) -> str:
    hook = "dcgan_kit_components"
    missing = f"its hook {hook} does not return it" if plugin.components else f"has no hook {hook} that returns it"
    return f"{plugin.file or plugin} was loaded and declares it, but {missing}"
