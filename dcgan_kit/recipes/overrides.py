"""``dotted.key=VALUE`` arguments: one value of a recipe replaced, list items by index.

An override must name a key that is there or that the recipe language knows; a list item must be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dcgan_kit.errors import Mark, Problem, RecipeError
from dcgan_kit.recipes.extending import merged_slot, same_component
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import OVERRIDE, Node, described, dotted
from dcgan_kit.recipes.reading import PartlyUnderstood, read_value


def overridden(node: Node, overrides: Iterable[str]) -> Node:
    """Return the recipe with each override applied in turn.

    Raises:
        PartlyUnderstood: every override that is not ``key=value`` or cannot be applied, and the recipe with the others.
    """
    problems: list[Problem] = []
    for number, text in enumerate(overrides, start=1):
        try:
            node = _overridden(node, text, number)
        except RecipeError as error:
            problems.extend(error.problems)
    if problems:
        raise PartlyUnderstood(problems, node)
    return node


def _overridden(node: Node, text: str, number: int) -> Node:
    key, equals, value = text.partition("=")
    mark = Mark(OVERRIDE, number, 1)
    if not equals or not key.strip():
        raise RecipeError([Problem(mark, "", f"an override reads key=value (given: {text!r})")])
    parts = tuple(key.strip().split("."))
    if not all(parts):
        raise RecipeError([Problem(mark, key.strip(), "has an empty part between its dots")])
    if parts[0] == "extends":
        raise RecipeError([Problem(mark, key.strip(), "cannot be overridden: the parents are merged already")])
    new = replace(read_value(value, OVERRIDE, number, len(key) + 2), key_mark=mark)
    return _placed(node, parts, new, ())


def _placed(node: Node, parts: tuple[str, ...], new: Node, above: tuple[str, ...]) -> Node:
    part, rest = parts[0], parts[1:]
    here = (*above, part)
    mark = new.place
    if isinstance(node.value, list):
        index = int(part) if part.isascii() and part.isdecimal() and len(part) < 6 else -1
        if not 0 <= index < len(node.value):
            count = len(node.value)
            there = f"items 0 to {count - 1}" if count else "no items"
            raise RecipeError([Problem(mark, dotted(here), f"is not there: {dotted(above)} has {there}")])
        items = list(node.value)
        items[index] = _placed(items[index], rest, new, here) if rest else replace(new, key_mark=mark)
        return replace(node, value=items)
    if isinstance(node.value, str) and above and any(key in SLOT_KEYS for key in above):
        mapping = {"use": Node(node.value, node.mark)}
    elif isinstance(node.value, dict):
        mapping = node.value
    elif node.value is None:
        mapping = {}
    else:
        raise RecipeError([Problem(mark, dotted(here), f"is not there: {dotted(above)} is {described(node)}")])
    child = mapping.get(part)
    if part == "use" and not rest and (child is None or not same_component(child.value, new.value)):
        # Another component: the options of the one before go, as in a recipe that extends another.
        mapping = {name: option for name, option in mapping.items() if option.place.source == OVERRIDE}
    # A key that is not written down may still be inherited or have a default; validation tells unknown ones.
    if rest:
        placed = _placed(child or Node({}, mark, mark), rest, new, here)
    else:
        # A component put into a slot keeps the options that were there if it is the same, as in extending.
        placed = merged_slot(child, new) if child is not None and part in SLOT_KEYS else new
    return replace(node, value={**mapping, part: placed})
