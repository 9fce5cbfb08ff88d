"""Plugin settings: whether the plugins and the folders that they name exist, and the options that give them on."""

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


def plugin_options(settings: PluginSettings) -> list[str]:
    """Return the command-line options that allow the same plugins. A process inherits the environment's settings."""
    environment = PluginSettings.from_environment()
    folders = [folder for folder in settings.folders if folder not in environment.folders]
    blocked = sorted(settings.blocked - environment.blocked)
    return [
        *(argument for folder in folders for argument in ("--plugins-dir", str(folder))),
        *(argument for name in blocked for argument in ("--block", name)),
        *(["--no-plugins"] if settings.builtins_only else []),
    ]
