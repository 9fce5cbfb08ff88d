"""The keys of recipes, found by their names."""

from __future__ import annotations

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import SYNONYMS
from dcgan_kit.recipes.key_declarations import Recipe
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.validation import paths_to


def find_keys(name: str) -> list[str]:
    """Return the dotted keys of recipes that end in a name: keys of all recipes, else options of components.

    The name may also be a common name of the field for a key, such as ``lr``.
    """
    names = (name, *SYNONYMS.get(name, ()))
    keys = [dotted(path) for key in names for path in paths_to(Recipe, key)] or _option_keys(names)
    return sorted(keys, key=lambda key: (key.count("."), key))


def _option_keys(names: tuple[str, ...]) -> list[str]:
    registry = load_builtins().registry
    slots = [(option, kind) for option in names for kind in sorted(SLOT_KEYS)]
    having = [(option, kind) for option, kind in slots if registry.kinds_with_option(kind, option)]
    return [f"{dotted(path)}.{option}" for option, kind in having for path in paths_to(Recipe, kind)]
