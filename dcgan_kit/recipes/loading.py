"""From a name or a path to a resolved recipe: find → read → extend → override → resolve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dcgan_kit.components.plugins import LoadedPlugins, PluginSettings, load_builtins, load_plugins
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.extending import extended
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.reading import read_bounded, read_file
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.resolving import UnknownNames, resolve

SUFFIXES = (".yaml", ".yml")


class UnknownRecipe(UserError):
    """No plugin offers a recipe of that name."""


@dataclass(frozen=True)
class LoadedRecipe:
    """A resolved recipe and the plugins that were loaded to understand it."""

    recipe: ResolvedRecipe
    plugins: LoadedPlugins


def load_recipe(reference: str, overrides: Iterable[str] = (), settings: PluginSettings | None = None) -> LoadedRecipe:
    """Load a recipe by name or path.

    Strangers' plugins are loaded only when a folder of them was given, or when the recipe says a name that no
    built-in has: a recipe made of built-ins alone runs no stranger's code.

    Args:
        reference: the name of a recipe, or a path that ends in .yaml or .yml or has a slash.
        overrides: ``dotted.key=VALUE`` texts.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        RecipeError: every problem of the recipe.
        UserError: there is no such recipe, or it cannot be read.
    """
    settings = PluginSettings.from_environment() if settings is None else settings
    overrides = tuple(overrides)
    everything = bool(settings.folders) or settings.strict
    plugins = load_plugins(settings) if everything else load_builtins(settings)
    try:
        return _loaded(reference, overrides, plugins)
    except (UnknownNames, UnknownRecipe):
        if everything or settings.builtins_only:
            raise
    return _loaded(reference, overrides, load_plugins(settings))


def find_recipe(reference: str, plugins: LoadedPlugins, beside: Path | None = None) -> tuple[Path, str]:
    """Return the file that a reference means and the recipe's name.

    Args:
        reference: a name or a path.
        plugins: whose recipes have names.
        beside: a folder that relative paths start from; default: the working directory.

    Raises:
        UnknownRecipe: no recipe has that name.
    """
    if reference.endswith(SUFFIXES) or "/" in reference and reference not in plugins.recipes:
        path = Path(reference).expanduser()
        return (path if beside is None else beside / path), path.stem
    if reference in plugins.recipes:
        return plugins.recipes[reference], reference
    if Path(reference).exists() and beside is None:
        return Path(reference), Path(reference).stem
    hint = did_you_mean(reference, plugins.recipes)
    raise UnknownRecipe(f"unknown recipe {reference!r}.{hint} A path ends in .yaml or has a slash.")


def read_recipe(reference: str, plugins: LoadedPlugins) -> tuple[Node, str]:
    """Return a recipe's own text merged over its parents, and its name."""
    path, name = find_recipe(reference, plugins)
    files: dict[str, Path] = {}

    def read(path: Path) -> Node:
        files[str(path)] = path
        return read_file(path)

    def parent(reference: str, source: str) -> Node:
        found, _ = find_recipe(reference, plugins, beside=files[source].parent)
        return read(Path(found).resolve() if found.exists() else found)

    return extended(read(path), parent), name


def _loaded(reference: str, overrides: tuple[str, ...], plugins: LoadedPlugins) -> LoadedRecipe:
    node, name = read_recipe(reference, plugins)
    return LoadedRecipe(resolve(overridden(node, overrides), plugins, name), plugins)


def text_of(reference: str, settings: PluginSettings) -> str:
    """Return a recipe's own text as it was written.

    Raises:
        UserError: there is no such recipe, or it cannot be read.
    """
    try:
        path, _ = find_recipe(reference, load_builtins(settings))
    except UnknownRecipe:
        path, _ = find_recipe(reference, load_plugins(settings))
    return read_bounded(path, str(path))


def description_of(path: Path) -> str:
    """Return the recipe's own description; what is wrong with it, if it cannot be read."""
    try:
        node = read_file(path).child("description")
    except UserError as error:
        return f"cannot be read: {error}"
    return str(node.value) if node is not None else ""
