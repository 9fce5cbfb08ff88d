"""Load a resolved recipe from a name or a path: find → read → extend → override → resolve."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.errors import Problem, RecipeError, UserError, did_you_mean, printable
from dcgan_kit.recipes.extends import extended
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.recipe_file import read_bounded, read_file
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.resolver import UnknownNames, resolve
from dcgan_kit.recipes.run_folders import RECIPE, is_run_folder_at
from dcgan_kit.recipes.yaml_reader import PartlyUnderstood, read_text
from dcgan_kit.recipes.yaml_writer import as_yaml

SUFFIXES = (".yaml", ".yml")
UNNAMED = "recipe"
"""Name of a recipe that is given as text or as a mapping."""
Source = str | os.PathLike[str] | Mapping[str, Any]
"""A recipe's name or path, its YAML text (which has a line break), or a mapping."""


class UnknownRecipe(UserError):
    """No plugin offers a recipe of that name."""


@dataclass(frozen=True)
class LoadedRecipe:
    """A resolved recipe and the plugins that were loaded for it."""

    recipe: ResolvedRecipe
    plugins: LoadedPlugins


def load_recipe(source: Source, overrides: Iterable[str] = (), settings: PluginSettings | None = None) -> LoadedRecipe:
    """Load a recipe by name or path, or from its text or mapping.

    Third-party plugins are loaded only if a plugins folder is given, if ``settings.strict`` is set, or if the recipe
    has a name that no built-in plugin offers. A recipe that uses only built-in components runs no third-party code.

    Args:
        source: the name of a recipe; a path that ends in .yaml or .yml or has a slash; YAML text, which has a line
            break; or a mapping with the content of such a text. For a text or a mapping, paths of parents are relative
            to the working directory.
        overrides: texts of the form ``dotted.key=VALUE``.
        settings: which plugins may be loaded; default: the settings from the environment.

    Raises:
        RecipeError: the recipe has problems; the error lists all of them.
        UserError: there is no such recipe, or it cannot be read.
    """
    settings = PluginSettings.from_environment() if settings is None else settings
    overrides = tuple(overrides)
    everything = bool(settings.folders) or settings.strict
    plugins = load_plugins(settings) if everything else load_builtins(settings)
    try:
        return _loaded(source, overrides, plugins)
    except (UnknownNames, UnknownRecipe):
        if everything or settings.builtins_only:
            raise
    return _loaded(source, overrides, load_plugins(settings))


def find_recipe(reference: str, plugins: LoadedPlugins, beside: Path | None = None) -> tuple[Path, str]:
    """Return the file and the name of the recipe that a reference means.

    Args:
        reference: a name or a path.
        plugins: the loaded plugins, which offer recipes by name.
        beside: the folder of relative paths; default: the working directory.

    Raises:
        UnknownRecipe: no recipe has that name.
        UserError: several plugins offer that name, or the path is not valid.
    """
    owners = [plugin for plugin in plugins.plugins if reference in plugin.recipes]
    if len(owners) > 1:
        choices = " or ".join(f"{plugin.name}/{reference}" for plugin in owners)
        raise UserError(f"recipe {reference!r} is offered by {len(owners)} plugins; write {choices}")
    if owners:
        return owners[0].recipes[reference], reference
    owner, _, name = reference.rpartition("/")
    for plugin in plugins.plugins:
        if plugin.name == owner and name in plugin.recipes:
            return plugin.recipes[name], name
    if reference.endswith(SUFFIXES) or "/" in reference:
        path = expanded_path(reference) if beside is None else beside / expanded_path(reference)
        if path.suffix in SUFFIXES or os.path.exists(path):
            return path, _name_of(path)
        raise UnknownRecipe(f"{reference}: there is no such file, and no plugin offers a recipe of that name")
    if beside is None and os.path.exists(reference):
        return Path(reference), Path(reference).stem
    hint = did_you_mean(reference, plugins.recipes)
    raise UnknownRecipe(f"unknown recipe {reference!r}.{hint} A path ends in .yaml or has a slash.")


def _name_of(path: Path) -> str:
    """Return a recipe's name: that of its file, or that of the run for the recipe in a run folder."""
    folder = path.absolute().parent
    return folder.name if path.name == RECIPE and is_run_folder_at(folder) else path.stem


def expanded_path(reference: str) -> Path:
    """Return the path that a text names, with ``~`` as the home folder.

    Raises:
        UserError: the text is no path, or there is no such home folder.
    """
    if "\0" in reference:
        raise UserError(f"{reference!r}: no path has a NUL character")
    try:
        return Path(reference).expanduser()
    except RuntimeError as error:
        raise UserError(f"{reference}: {error}") from error


def _loaded(source: Source, overrides: tuple[str, ...], plugins: LoadedPlugins) -> LoadedRecipe:
    text = _own_text(source)
    path, name = (Path(UNNAMED), UNNAMED) if text is not None else find_recipe(os.fspath(source), plugins)  # type: ignore[arg-type]
    problems: list[Problem] = []
    try:
        node = _understood(lambda: _merged(path, plugins, problems, text), problems)
        node = _understood(lambda: overridden(node, overrides), problems)
        recipe = resolve(node, plugins, name)
    except RecipeError as error:
        # The reader replaced values that it could not read. Problems of such a replacement are not reported.
        reported = {problem.mark for problem in problems}
        problems.extend(problem for problem in error.problems if problem.mark not in reported)
        unknown = isinstance(error, UnknownNames) or isinstance(error.__cause__, UnknownRecipe)
        raise (UnknownNames if unknown else RecipeError)(problems) from error
    if problems:
        raise RecipeError(problems)
    return LoadedRecipe(recipe, plugins)


def _understood(read: Callable[[], Node], problems: list[Problem]) -> Node:
    """Return what could be read, and add the problems of the rest to the list."""
    try:
        return read()
    except PartlyUnderstood as error:
        problems.extend(error.problems)
        return error.node


def name_of(source: Source) -> str:
    """Return the name that a recipe has before it is loaded, for messages."""
    return UNNAMED if _own_text(source) is not None else Path(os.fspath(source)).stem  # type: ignore[arg-type]


def _own_text(source: Source) -> str | None:
    """Return the text of a recipe that is given as text or as a mapping; None for a name or a path."""
    if isinstance(source, Mapping):
        return as_yaml(plain_data(source))
    return source if isinstance(source, str) and "\n" in source else None


def _merged(path: Path, plugins: LoadedPlugins, problems: list[Problem], text: str | None = None) -> Node:
    """Return a recipe merged into its parents. Add problems to the list if the rest of the text can still be read."""
    paths: dict[str, Path] = {}

    def read(path: Path, text: str | None = None) -> Node:
        name = display_name(path, plugins) if text is None else UNNAMED
        paths[name] = path
        return _understood(lambda: read_file(path, name) if text is None else read_text(text, name), problems)

    def parent(reference: str, source: str) -> Node:
        found, _ = find_recipe(reference, plugins, beside=paths[source].parent)
        if os.path.exists(found) and not (os.path.isfile(found) or os.path.isdir(found)):
            # Opening a pipe would wait forever.
            raise UserError(f"{found}: is not a regular file")
        return read(Path(os.path.realpath(found)))

    return extended(read(path, text), parent)


def display_name(path: Path, plugins: LoadedPlugins) -> str:
    """Return the name of a recipe's file in messages: the recipe's name or the file's path.

    A path below the working directory is relative.
    """
    real = os.path.realpath(path)
    name = next((name for name, offered in plugins.recipes.items() if os.path.realpath(offered) == real), None)
    if name is not None:
        return name
    relative = os.path.relpath(real)
    inside = path.is_absolute() and not relative.startswith(os.pardir)
    text = relative if inside else str(path)
    # A path without suffix and slash would look like a name.
    return printable(text if text.endswith(SUFFIXES) or os.sep in text else os.path.join(os.curdir, text))


def text_of(reference: str, settings: PluginSettings) -> str:
    """Return a recipe's own text, exactly as it is in its file.

    Raises:
        UserError: there is no such recipe, or it cannot be read.
    """
    plugins = load_builtins(settings)
    try:
        path, _ = find_recipe(reference, plugins)
    except UnknownRecipe:
        plugins = load_plugins(settings)
        path, _ = find_recipe(reference, plugins)
    return read_bounded(path, display_name(path, plugins))


def description_of(path: Path) -> str:
    """Return the recipe's own description, or the error message if the recipe cannot be read."""
    try:
        node = read_file(path).child("description")
    except UserError as error:
        return f"cannot be read: {error}"
    return str(node.value) if node is not None else ""
