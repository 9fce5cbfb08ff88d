"""Where images come from, as a command names it: a path, a component of kind ``data``, or a recipe."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import everything
from dcgan_kit.api.recipe import Recipe, load_recipe
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.content import READ_BY_NAME, reader_of
from dcgan_kit.data.image_format import HEAD, claims_image, image_format
from dcgan_kit.errors import Mark, Problem, RecipeError, UserError, did_you_mean
from dcgan_kit.files import open_regular
from dcgan_kit.recipes.loading import expanded_path
from dcgan_kit.recipes.nodes import OVERRIDE, Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.yaml_reader import read_argument
from dcgan_kit.recipes.yaml_writer import as_value

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
    from dcgan_kit.recipes.resolved import Choice

DataSource = str | os.PathLike[str] | Mapping[str, Any] | Recipe
"""A path, the name of a component or recipe, a mapping with ``use``, or a loaded recipe."""

PATH_OPTIONS = ("path", "name", "labels")
"""The options of built-in components that are paths, or may be."""
_HERE = Mark(OVERRIDE, 1, 1)
_BY_SUFFIX = {".zip": "image_zip", ".npz": "npz", ".npy": "npy"}
_SIZE = re.compile(r"(\d{1,5})(?:x(\d{1,5})(?:x([1-4]))?)?")


@dataclass(frozen=True)
class FoundSource:
    """A source of images.

    Attributes:
        choice: the component with all its options.
        given: the options that were given, by name.
        spec: the size that a recipe asks for; None without a recipe.
    """

    choice: Choice
    given: Mapping[str, Any]
    spec: ImageSpec | None = None


def find_source(source: DataSource, options: Sequence[str], settings: PluginSettings | None) -> FoundSource:
    """Return the component that reads the images of a source.

    Args:
        source: a file or folder that exists; else the name of a component of kind ``data``, with or without ``data/``;
            else the name or path of a recipe; or a mapping ``{use: NAME, …}``, also as text.
        options: texts ``KEY=VALUE``: options of the component, or overrides of the recipe.
        settings: which plugins may be loaded.

    Raises:
        UserError: nothing has that name, no component reads what is at the path, or an option is wrong.
    """
    if isinstance(source, Recipe):
        return _of_recipe(source)
    plugins = everything(settings)
    if isinstance(source, Mapping):
        return _of_slot(read_argument(as_value(plain_data(source)), "data", 1, 1), options, plugins)
    text = os.fspath(source)
    if text.lstrip().startswith("{"):
        return _of_slot(read_argument(text, "data", 1, 1), options, plugins)
    path = expanded_path(text)
    is_recipe = path.suffix in (".yaml", ".yml")
    if not is_recipe and os.path.lexists(path):
        return _of_slot(_slot_for(path), options, plugins)
    name = text.removeprefix("data/")
    components = sorted({one.name for one in plugins.registry if one.kind == "data"})
    if name.rpartition("/")[2] in components and not is_recipe:
        return _of_slot(Node({"use": Node(name, _HERE)}, _HERE), options, plugins)
    if is_recipe or text in plugins.recipes:
        return _of_recipe(load_recipe(text, *options, settings=settings))
    hint = did_you_mean(text, [*components, *plugins.recipes])
    # For a path, a list of all names would help nobody.
    hint = hint if hint.startswith(" Did") else ""
    raise UserError(
        f"{text}: there is no such file or folder, and no component of kind data and no recipe has that name.{hint}"
    )


def size_from(name: str, text: str) -> tuple[int, int, int | None]:
    """Return height, width and channels (None if they are not given) of ``64``, ``48x96`` or ``64x64x3``.

    Raises:
        UserError: the text is something else.
    """
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) < 1 or (match[2] and int(match[2]) < 1):
        raise UserError(f"{name}: height, width and 1 to 4 channels, e.g. 64, 48x96 or 64x64x3. Received: {text}")
    height, width, channels = match.groups()
    return int(height), int(width or height), int(channels) if channels else None


def _of_recipe(recipe: Recipe) -> FoundSource:
    choice = recipe.resolved.data
    given = recipe.as_data()["data"]
    return FoundSource(choice, {key: given[key] for key in given if key != "use"}, recipe.resolved.image.spec)


def _of_slot(slot: Node, options: Sequence[str], plugins: LoadedPlugins) -> FoundSource:
    slot = overridden(slot, options)
    problems: list[Problem] = []
    choice = SlotResolution(plugins, problems).choice("data", slot, ())
    if choice is None or problems:
        raise RecipeError(problems)
    given = {key: child.data() for key, child in slot.items() if key != "use"} if isinstance(slot.value, dict) else {}
    return FoundSource(choice, given)


def _slot_for(path: Path) -> Node:
    """Return the slot for a path that exists: the built-in component that reads it.

    Raises:
        UserError: no built-in component reads it.
    """
    # A damaged file gets the message of the component that its name asks for.
    reader = reader_of(path) or _BY_SUFFIX.get(path.suffix.lower())
    if reader is None and _is_picture(path):
        raise UserError(f"{path}: is one picture; give the folder that holds it, with others")
    if reader is None:
        raise UserError(
            f"{path}: is no folder of images, zip archive, NumPy array or TFRecord file. Name the component that reads "
            f"it: dcgan-kit data inspect COMPONENT path={path}"
        )
    option = "name" if reader in READ_BY_NAME else "path"
    return Node({"use": Node(reader, _HERE), option: Node(str(path), _HERE)}, _HERE)


def _is_picture(path: Path) -> bool:
    try:
        with open_regular(path) as stream:
            return claims_image(path.name) or image_format(stream.read(HEAD)) is not None
    except OSError:
        return False
