"""Loads recipes of existing runs, and reports which of a run's plugins are missing now."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_plugins
from dcgan_kit.components.plugin_sources import plugins_folder
from dcgan_kit.errors import PluginError, UserError
from dcgan_kit.recipes.loading import LoadedRecipe, Source, load_recipe, name_of
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.resolver import UnknownNames
from dcgan_kit.recipes.yaml_writer import flattened
from dcgan_kit.runs.environment import environment_of
from dcgan_kit.runs.run_folder import RECIPE


def load_stored_recipe(
    folder: Path, run: Path, overrides: Sequence[str] = (), settings: PluginSettings | None = None
) -> LoadedRecipe:
    """Load the recipe in a run folder, or in a crash bundle.

    Args:
        folder: the folder with ``recipe.yaml``.
        run: the run folder; its environment lists the plugins at the start of the run.
        overrides: ``dotted.key=VALUE`` texts.
        settings: which plugins may be loaded; default: what the environment variables say.

    Raises:
        PluginError: the recipe needs a plugin that the run began with, and that is missing now.
        UserError: see ``load_recipe``.
    """
    settings = PluginSettings.from_environment() if settings is None else settings
    try:
        return load_recipe(str(folder / RECIPE), overrides, settings)
    except UnknownNames as error:
        _require_plugins(folder, run, settings, error)
        raise


def load_training_recipe(
    source: Source, overrides: Sequence[str], settings: PluginSettings, run: Path | None = None
) -> LoadedRecipe:
    """Load a recipe for training.

    Args:
        source: see ``load_recipe``.
        overrides: ``dotted.key=VALUE`` texts.
        settings: which plugins may be loaded.
        run: the folder to train in, which may hold an unfinished run; default: ``usual_folder``.

    Raises:
        PluginError: the recipe needs a plugin that the run in that folder began with, and that is missing now.
        UserError: see ``load_recipe``.
    """
    try:
        return load_recipe(source, overrides, settings)
    except UnknownNames as error:
        folder = usual_folder(name_of(source)) if run is None else run
        _require_plugins(folder, folder, settings, error)
        raise


def usual_folder(name: str) -> Path:
    """Return the default run folder of a recipe with this name."""
    return Path("runs") / name


def _require_plugins(folder: Path, run: Path, settings: PluginSettings, error: UnknownNames) -> None:
    missing: list[str] = []
    # If the recipe cannot be read, nothing is known about plugins, and the caller raises the original error.
    with suppress(UserError):
        missing = _missing_plugins(folder / RECIPE, run, settings)
    if missing:
        raise PluginError("\n".join(f"{folder}: {line}" for line in missing)) from error


def _missing_plugins(recipe: Path, run: Path, settings: PluginSettings) -> list[str]:
    """Return a message for each missing plugin that a recipe needs and the run began with; it says how to get it."""
    text = flattened(read_file(recipe).data())
    owners = {value.partition("/")[0] for key, value in text.items() if key.endswith("use") and isinstance(value, str)}
    needed = owners.union(text["plugins"] if isinstance(text.get("plugins"), list | tuple) else [])
    here = {plugin.name for plugin in load_plugins(settings).plugins}
    then = environment_of(run).get("plugins")
    lines = []
    for plugin in then if isinstance(then, list) else []:
        name, origin, file, distribution = (
            str(plugin.get(key, "")) if isinstance(plugin, dict) else ""
            for key in ("name", "origin", "file", "distribution")
        )
        if name not in needed or name in here or origin not in ("folder", "installed"):
            continue
        if settings.builtins_only:
            lines.append(f"the run began with plugin {name!r}, which --no-plugins leaves out")
        elif origin == "folder":
            path = Path(file) if file else None
            lines.append(
                f"the run began with plugin {name!r} of the file {file or '(unknown)'}, which is not loaded: give "
                f"--plugins-dir {shlex.quote(str(plugins_folder(path))) if path else 'DIR'}"
            )
        else:
            lines.append(
                f"the run began with plugin {name!r} of {distribution or 'a distribution'}, which is not installed here"
            )
    return lines
