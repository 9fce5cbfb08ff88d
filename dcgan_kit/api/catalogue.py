"""Lists of components, plugins and recipes, and the JSON Schema of recipes. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.loading import description_of, text_of
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import LoadedPlugins, Plugin


def chosen(settings: PluginSettings | None) -> PluginSettings:
    """Return the given plugin settings, or those of the environment if None is given."""
    return PluginSettings.from_environment() if settings is None else settings


def warn_of_broken(plugins: LoadedPlugins) -> None:
    """Print one line on standard error for each plugin that could not be loaded."""
    for plugin in plugins.broken:
        note(f"warning: plugin {plugin} is broken: {plugin.error}")


def everything(settings: PluginSettings | None) -> LoadedPlugins:
    """Load every plugin that the settings allow, and warn about broken ones."""
    plugins = load_plugins(chosen(settings))
    warn_of_broken(plugins)
    return plugins


def list_components(kind: str | None = None, *, settings: PluginSettings | None = None) -> list[Component]:
    """Return every component of the installed plugins, in order of kind and name.

    Args:
        kind: return only components of this kind, e.g. ``"upsample"``; default: all kinds.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"unknown kind {kind!r}.{did_you_mean(kind, KINDS)}")
    return [component for component in everything(settings).registry if kind in (None, component.kind)]


def find_components(name: str, *, settings: PluginSettings | None = None) -> list[Component]:
    """Return the components with a name. A bare name can match several kinds or plugins.

    Args:
        name: ``NAME``, ``KIND/NAME`` or ``PLUGIN/NAME``.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: there is no such component.
    """
    return components_named(name, everything(settings))


def components_named(name: str, plugins: LoadedPlugins) -> list[Component]:
    """Return the components of some plugins with a name; see ``find_components``."""
    components = list(plugins.registry)
    scope, _, bare = name.rpartition("/")
    found = [c for c in components if c.name == bare and scope in ("", c.kind, c.owner)]
    if not found:
        raise UserError(f"unknown component {name!r}.{did_you_mean(bare, {c.name for c in components})}")
    return found


def kind_summary(kind: str) -> str:
    """Return one sentence about a kind of component, a key of ``KINDS``."""
    return KINDS[kind].summary


def component_options(component: Component, *, as_text: bool = False) -> list[dict[str, Any]]:
    """Return name, type with range, default and description of each option of a component.

    Args:
        component: the component.
        as_text: whether to return numbers as texts, as a recipe writes them.
    """
    from dcgan_kit.components.option_schema import option_facts, shown_default

    options = option_facts(component)
    return [{**option, "default": shown_default(option["default"])} for option in options] if as_text else options


def list_plugins(*, settings: PluginSettings | None = None) -> list[Plugin]:
    """Return every plugin that was found: loaded, blocked or broken.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.
    """
    return list(load_plugins(chosen(settings)).plugins)


def find_plugin(name: str, *, settings: PluginSettings | None = None) -> Plugin:
    """Return the plugin with a name.

    Args:
        name: the name of the plugin.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: no plugin has that name.
    """
    return load_plugins(chosen(settings)).find(name)


def list_recipes(*, settings: PluginSettings | None = None) -> Mapping[str, Path]:
    """Return all named recipes, in alphabetical order: a mapping from each name to its file.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.
    """
    return dict(sorted(everything(settings).recipes.items()))


def described_recipes(*, settings: PluginSettings | None = None) -> dict[str, tuple[Path, str]]:
    """Return all named recipes, in alphabetical order: a mapping from each name to its file and its description.

    If a file cannot be read, the description says why.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.
    """
    return {name: (path, description_of(path)) for name, path in list_recipes(settings=settings).items()}


def builtin_recipes() -> list[str]:
    """Return the names of the shipped recipes, in alphabetical order. Runs no third-party code."""
    return sorted(load_builtins().recipes)


def recipe_text(recipe: str, *, settings: PluginSettings | None = None) -> str:
    """Return the text of a recipe file, without the keys of its parents and without defaults.

    Args:
        recipe: a recipe name or a path.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: there is no such recipe, or it cannot be read.
    """
    return text_of(recipe, chosen(settings))


def copy_recipe(
    recipe: str, target: Path | None = None, *, settings: PluginSettings | None = None
) -> tuple[Path, Path]:
    """Copy a recipe to a new file that you can edit.

    Also writes the JSON Schema of recipes beside the copy, unless it exists. Editors use it to complete and check keys.

    Args:
        recipe: a recipe name or a path.
        target: the new file, which ends in .yaml, or a folder that exists; default: ``NAME.yaml`` in the working
            directory. A name without an ending gets .yaml.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The path of the copy and the path of the schema.

    Raises:
        UserError: the target exists, the recipe extends a file beside it, or a file cannot be written.
    """
    from dcgan_kit.recipes.loading import SUFFIXES
    from dcgan_kit.recipes.yaml_reader import read_text

    text = recipe_text(recipe, settings=settings)
    parent = read_text(text, recipe).child("extends")
    if parent is not None and isinstance(parent.value, str) and parent.value.endswith(SUFFIXES):
        raise UserError(f"{parent.mark}: extends: {parent.value!r} is relative to {recipe}; copy both files by hand")
    target = Path(f"{Path(recipe).stem}.yaml") if target is None else target
    if target.is_dir():
        target = target / f"{Path(recipe).stem}.yaml"
    target = new_recipe_file(target)
    return target, write_new(target, text, settings)


def new_recipe_file(target: Path) -> Path:
    """Return the file of a new recipe: a name without an ending gets ``.yaml``.

    Raises:
        UserError: the name has another ending, with which no command would take the file for a recipe.
    """
    from dcgan_kit.recipes.loading import SUFFIXES

    if target.suffix in SUFFIXES or not target.name:
        return target
    if target.suffix:
        raise UserError(f"{target}: ends in {target.suffix}, and a recipe ends in .yaml; give a name such as mine.yaml")
    return target.with_name(f"{target.name}.yaml")


def write_new(target: Path, text: str, settings: PluginSettings | None) -> Path:
    """Write a recipe, and the JSON Schema of recipes beside it unless it exists; return the path of the schema.

    Raises:
        UserError: the target exists, or a file cannot be written.
    """
    from dcgan_kit.recipes.shipped_schema import SCHEMA_FILE

    if target.exists():
        raise UserError(f"{target}: exists already; choose another name")
    _write(target, text)
    schema_file = target.with_name(SCHEMA_FILE)
    if not schema_file.exists():
        _write(schema_file, recipe_schema(settings=settings))
    return schema_file


def recipe_schema(*, settings: PluginSettings | None = None) -> str:
    """Return the JSON Schema of recipes as text. It includes the components of the installed plugins.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.
    """
    from dcgan_kit.recipes.shipped_schema import shipped_schema

    plugins = everything(settings)
    shipped = shipped_schema(plugins)
    if shipped is not None:
        return shipped
    from dcgan_kit.recipes.schema import schema_text

    return schema_text(plugins.registry)


def write_recipe_schema(path: str | Path, *, settings: PluginSettings | None = None) -> None:
    """Write ``recipe_schema`` to a file.

    Args:
        path: the file, in a folder that exists.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: there is no such folder, or the file cannot be written.
    """
    _write(Path(path), recipe_schema(settings=settings))


def _write(path: Path, text: str) -> None:
    """Write a file into an existing folder.

    Raises:
        UserError: the folder does not exist, or the file cannot be written.
    """
    from dcgan_kit.files import write_output

    try:
        # A missing folder is probably a typing error, so it is not created.
        path.parent.stat()
        write_output(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
