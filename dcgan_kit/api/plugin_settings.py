"""Checks of plugin settings: whether the plugins and the folders that they name exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_sources import plugin_files, unknown_names


def unknown_plugins(settings: PluginSettings) -> dict[str, str]:
    """Return the blocked names that no plugin has, each with a suggestion.

    Raises:
        PluginError: a plugins folder cannot be read.
    """
    return unknown_names(settings) if settings.blocked else {}


def folders_without_plugins(settings: PluginSettings) -> Iterator[Path]:
    """Yield the plugins folders that may be loaded and hold no plugin.

    Raises:
        PluginError: a plugins folder cannot be read.
    """
    yield from (folder for folder in settings.folders if not settings.builtins_only and not plugin_files(folder))
