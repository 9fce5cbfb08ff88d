"""What there is to be named: components, plugins, recipes, and the JSON Schema of recipes. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin_loading import PluginSettings, load_plugins
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.loading import text_of
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin_loading import LoadedPlugins, Plugin


def chosen(settings: PluginSettings | None) -> PluginSettings:
    """Return which plugins may be loaded: as given, else as the environment says."""
    return PluginSettings.from_environment() if settings is None else settings


def warn_of_broken(plugins: LoadedPlugins) -> None:
    """Say in a line each, on standard error, which plugins could not be loaded."""
    for plugin in plugins.broken:
        note(f"warning: plugin {plugin} is broken: {plugin.error}")


def everything(settings: PluginSettings | None) -> LoadedPlugins:
    """Load every plugin that may be loaded, and warn of broken ones."""
    plugins = load_plugins(chosen(settings))
    warn_of_broken(plugins)
    return plugins


def list_components(kind: str | None = None, *, settings: PluginSettings | None = None) -> list[Component]:
    """Return every component of the plugins that are installed, in order of kind and name.

    Args:
        kind: only those of this kind, e.g. ``"upsample"``.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        UserError: there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"unknown kind {kind!r}.{did_you_mean(kind, KINDS)}")
    return [component for component in everything(settings).registry if kind in (None, component.kind)]


def find_components(name: str, *, settings: PluginSettings | None = None) -> list[Component]:
    """Return the components that a name means; several where it leaves open which kind or plugin.

    Args:
        name: NAME, KIND/NAME or PLUGIN/NAME.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        UserError: there is none.
    """
    components = list(everything(settings).registry)
    scope, _, bare = name.rpartition("/")
    found = [c for c in components if c.name == bare and scope in ("", c.kind, c.owner)]
    if not found:
        raise UserError(f"unknown component {name!r}.{did_you_mean(bare, {c.name for c in components})}")
    return found


def list_plugins(*, settings: PluginSettings | None = None) -> list[Plugin]:
    """Return every plugin that was met: loaded, blocked or broken.

    Args:
        settings: which plugins may be loaded; default: as the environment says.
    """
    return list(load_plugins(chosen(settings)).plugins)


def find_plugin(name: str, *, settings: PluginSettings | None = None) -> Plugin:
    """Return one plugin by its name.

    Args:
        name: its name.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        UserError: no plugin has that name.
    """
    return load_plugins(chosen(settings)).find(name)


def list_recipes(*, settings: PluginSettings | None = None) -> Mapping[str, Path]:
    """Return the file of every recipe that has a name, by that name, in alphabetical order.

    Args:
        settings: which plugins may be loaded; default: as the environment says.
    """
    return dict(sorted(everything(settings).recipes.items()))


def recipe_text(recipe: str, *, settings: PluginSettings | None = None) -> str:
    """Return the text of a recipe's own file, without its parents and defaults.

    Args:
        recipe: a name or a path.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        UserError: there is no such recipe, or it cannot be read.
    """
    return text_of(recipe, chosen(settings))


def copy_recipe(
    recipe: str, target: Path | None = None, *, settings: PluginSettings | None = None
) -> tuple[Path, Path]:
    """Write a copy of a recipe to a file of your own, and beside it the JSON Schema that helps editors with it.

    Args:
        recipe: a name or a path.
        target: the new file, or a folder for it; default: the recipe's name in the working directory.
        settings: which plugins may be loaded; default: as the environment says.

    Returns:
        The copy, and the schema.

    Raises:
        UserError: the target exists, the recipe extends a file beside it, or something cannot be written.
    """
    from dcgan_kit.recipes.loading import SUFFIXES
    from dcgan_kit.recipes.shipped_schema import SCHEMA_FILE
    from dcgan_kit.recipes.yaml_reader import read_text

    text = recipe_text(recipe, settings=settings)
    parent = read_text(text, recipe).child("extends")
    if parent is not None and isinstance(parent.value, str) and parent.value.endswith(SUFFIXES):
        raise UserError(f"{parent.mark}: extends: {parent.value!r} is relative to {recipe}; copy both files by hand")
    target = Path(f"{Path(recipe).stem}.yaml") if target is None else target
    if target.is_dir():
        target = target / f"{Path(recipe).stem}.yaml"
    if target.exists():
        raise UserError(f"{target}: is there already; choose another name")
    write_text(target, text)
    schema_file = target.with_name(SCHEMA_FILE)
    if not schema_file.exists():
        write_text(schema_file, recipe_schema(settings=settings))
    return target, schema_file


def recipe_schema(*, settings: PluginSettings | None = None) -> str:
    """Return the JSON Schema of recipes, with the components of the plugins that are installed, as text.

    Args:
        settings: which plugins may be loaded; default: as the environment says.
    """
    from dcgan_kit.recipes.shipped_schema import shipped_schema

    plugins = everything(settings)
    shipped = shipped_schema(plugins)
    if shipped is not None:
        return shipped
    from dcgan_kit.recipes.schema import schema_text

    return schema_text(plugins.registry)


def write_text(path: Path, text: str) -> None:
    """Write a file into a folder that is there already.

    Raises:
        UserError: there is no such folder, or the file cannot be written.
    """
    from dcgan_kit.files import write_output

    try:
        # A folder that is not there is a slip of the pen here, and not to be made.
        path.parent.stat()
        write_output(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
