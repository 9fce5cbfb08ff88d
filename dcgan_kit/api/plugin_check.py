"""The check of a plugin: whether it loads, and whether its components keep the contracts of their kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_files, load_plugins
from dcgan_kit.components.plugin_sources import PACKAGE_FILE, plugin_files, plugins_folder
from dcgan_kit.errors import Mark, Problem, RecipeError, UserError, did_you_mean
from dcgan_kit.recipes.nodes import OVERRIDE, Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.terminal.progress import Watcher, progress_to

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import LoadedPlugins, Plugin
    from dcgan_kit.testing.plugin_check import Check, PluginCheck

_HERE = Mark(OVERRIDE, 1, 1)


def check_plugin(
    plugin: str | Path,
    *options: str,
    component: str | None = None,
    without: Sequence[str] = (),
    settings: PluginSettings | None = None,
    watcher: Watcher | None = None,
) -> PluginCheck:
    """Check that a plugin loads, that its components keep the contracts of their kinds, and that its recipes are valid.

    Each component is built with its default options and run in training and at inference, as
    ``dcgan_kit.testing.check_component`` does. This runs the plugin's code.

    Args:
        plugin: the name of a plugin or of an installed distribution, a plugin's file ``NAME.py``, a plugins folder, or
            the folder of a package, with ``__init__.py`` or with ``src`` inside.
        options: texts ``KEY=VALUE``: options of ``component``; the others keep their defaults.
        component: check only this component, ``NAME`` or ``KIND/NAME``; default: everything that the plugin offers.
        without: abilities that ``component`` lacks: ``"xla"``, ``"mixed_precision"`` or ``"input_gradient"``.
        settings: which plugins may be loaded; default: the settings of the environment.
        watcher: receives the progress; default: a bar on standard error.

    Returns:
        What was checked, and what is wrong. A component that needs an option is not checked, and counts as neither.

    Raises:
        UserError: there is no such plugin, file or component, or an option is wrong.
    """
    plugins, found, settings = _found(plugin, chosen(settings))
    if component is None and (options or without):
        raise UserError("options and abilities belong to one component: name the component (--component KIND/NAME)")
    # Importing it loads TensorFlow.
    from dcgan_kit.testing.contracts import ABILITIES
    from dcgan_kit.testing.plugin_check import PluginCheck, component_check, tasks_of

    unknown = next((name for name in without if name not in ABILITIES), None)
    if unknown is not None:
        raise UserError(f"without: must be one of {', '.join(ABILITIES)}. Received: {unknown!r}")
    if component is None:
        tasks = [task for one in found for task in tasks_of(one, settings)]
    else:
        one = _component(component, found)
        values = _values(one, options, plugins)
        tasks = [(str(one), lambda: component_check(one, values, without))]
    checks: list[Check] = []
    with progress_to(watcher) as progress:
        for done, (subject, check) in enumerate(tasks):
            progress.preparation(f"checking {subject}", done, len(tasks))
            checks.append(check())
    return PluginCheck(tuple(one.name for one in found), tuple(checks))


def _found(plugin: str | Path, settings: PluginSettings) -> tuple[LoadedPlugins, list[Plugin], PluginSettings]:
    """Return all plugins, those to check, and settings with which a recipe finds them."""
    name = str(plugin)
    path = Path(name).expanduser()
    is_path = isinstance(plugin, Path) or path.suffix == ".py" or len(path.parts) > 1
    if not is_path:
        plugins = load_plugins(replace(settings, strict=False))
        named = [one for one in plugins.plugins if one.name == name or _distribution(one) == _plain(name)]
        if named:
            return plugins, named, settings
        if not path.is_dir():
            known = {one.name for one in plugins.plugins}
            raise UserError(
                f"unknown plugin {name!r}.{did_you_mean(name, known)} Give the name of a plugin or of a distribution, "
                "a file NAME.py, or a folder"
            )
    files = _files(path)
    plugins = load_files(files, settings)
    found = [one for one in plugins.plugins if one.origin == "folder"]
    return plugins, found, replace(settings, folders=tuple(dict.fromkeys(map(plugins_folder, files))))


def _files(path: Path) -> list[Path]:
    """Return the plugins' files that a path names.

    Raises:
        UserError: there is no such file, or it is no plugin.
    """
    path = path.absolute()
    package = _package_around(path)
    if package is not None and path.exists():
        raise UserError(f"{path}: is a module of the package {package.name}: check that folder, {package}")
    if path.is_dir() and (path / PACKAGE_FILE).is_file():
        path = path / PACKAGE_FILE
    if path.is_dir():
        found = plugin_files(path / "src" if (path / "src").is_dir() else path)
        if not found:
            raise UserError(f"{path}: holds no plugin: neither NAME.py nor NAME/{PACKAGE_FILE}")
        return found
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if path not in plugin_files(plugins_folder(path)):
        raise UserError(
            f"{path}: is no plugin: a plugin is NAME.py or NAME/{PACKAGE_FILE}, and no name begins with '_'"
        )
    return [path]


def _package_around(path: Path) -> Path | None:
    """Return the folder of the package that holds a file or a folder; None if there is none."""
    folder = (path.parent if path.name == PACKAGE_FILE else path).parent
    found = None
    while (folder / PACKAGE_FILE).is_file():
        found, folder = folder, folder.parent
    return found


def _component(name: str, plugins: Sequence[Plugin]) -> Component:
    """Return the component of a name among those of some plugins."""
    offered = [component for plugin in plugins for component in plugin.components]
    kind, _, bare = name.rpartition("/")
    found = [one for one in offered if one.name == bare and kind in ("", one.kind, one.owner)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"component: write {' or '.join(f'{one.kind}/{one.name}' for one in found)}")
    broken = next((f" It is broken: {one.error}" for one in plugins if one.error), "")
    guess = did_you_mean(bare, {one.name for one in offered})
    raise UserError(f"component: the plugin offers no {name!r}.{guess}{broken}")


def _values(component: Component, options: Sequence[str], plugins: LoadedPlugins) -> Mapping[str, Any]:
    """Return the options that texts set, with components as functions that build them.

    Raises:
        RecipeError: the component has no such option, or the value is wrong.
    """
    if not options:
        return {}
    slot = overridden(Node({"use": Node(f"{component.owner}/{component.name}", _HERE)}, _HERE), options)
    problems: list[Problem] = []
    choice = SlotResolution(plugins, problems).choice(component.kind, slot, ())
    if choice is None or problems:
        raise RecipeError(problems)
    return {name: value.build_later() if isinstance(value, Choice) else value for name, value in choice.options.items()}


def _distribution(plugin: Plugin) -> str:
    """Return the name of a plugin's distribution, as ``_plain`` writes it."""
    return _plain(plugin.distribution.rpartition(" ")[0])


def _plain(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
