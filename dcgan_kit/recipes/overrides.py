"""Overrides: arguments of the form ``dotted.key=VALUE``.

An override has the same effect as a child recipe with that key. So a mapping is merged, and naming another component
drops the options of the previous one. An index selects an item of a list; the item must exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from dcgan_kit.errors import Mark, Problem, RecipeError
from dcgan_kit.recipes.extends import STAGES, merged, merged_slot, stage_index, stage_names
from dcgan_kit.recipes.keys import LIST_KEYS, SLOT_KEYS
from dcgan_kit.recipes.nodes import OVERRIDE, Node, described, dotted
from dcgan_kit.recipes.yaml_reader import MAX_DEPTH, PartlyUnderstood, extent, read_argument

Path = tuple[str, ...]


def overridden(node: Node, overrides: Iterable[str]) -> Node:
    """Return the recipe with all overrides applied, in order.

    Raises:
        PartlyUnderstood: some overrides are not ``key=value`` or cannot be applied. The error has their problems, and
            the recipe with the other overrides applied.
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
        raise RecipeError([Problem(mark, "", f"an override is key=value, without spaces at the '=' (given: {text!r})")])
    if re.search(r"[][/]", key):
        corrected = re.sub(r"\[(\w+)\]", r".\1", key.strip()).replace("/", ".")
        raise RecipeError([Problem(mark, key.strip(), f"the parts of a key have dots between them, as in {corrected}")])
    # This raises an error if the key contains characters that YAML does not allow.
    read_argument(f"x{key}", OVERRIDE, number, 0)
    parts = tuple(key.strip().split("."))
    if len(parts) > MAX_DEPTH:
        raise RecipeError([Problem(mark, "", f"a key with more than {MAX_DEPTH} parts (given: {len(parts)})")])
    if not all(parts):
        raise RecipeError([Problem(mark, key.strip(), "has an empty part between its dots")])
    if parts[0] == "extends":
        raise RecipeError([Problem(mark, key.strip(), "cannot be overridden: the parents are merged already")])
    if not value.strip(" \t"):
        raise RecipeError([Problem(Mark(OVERRIDE, number, len(key) + 2), key.strip(), _empty(key.strip()))])
    new = replace(read_argument(value, OVERRIDE, number, len(key) + 2), key_mark=mark)
    if len(parts) + extent(new)[1] > MAX_DEPTH:
        raise RecipeError([Problem(new.mark, key.strip(), f"nested more than {MAX_DEPTH} deep, its key included")])
    return _placed(node, parts, new, ())


def _empty(key: str) -> str:
    return f"the value is empty; write '{key}=\"\"' for an empty text, or {key}=null for none"


def _placed(node: Node, parts: Path, new: Node, above: Path) -> Node:
    """Return a node with a new value below it. ``above`` is the path of the node."""
    if isinstance(node.value, list):
        index = _index(node.value, parts[0], new, above)
        items = list(node.value)
        here = (*above, parts[0])
        if parts[1:]:
            items[index] = _placed(items[index], parts[1:], new, here)
        else:
            # A child recipe cannot name an item by its number, so such an item is replaced.
            named = not parts[0].isdecimal()
            items[index] = merged(items[index], new, here, _override_options) if named else new
        return replace(node, value=items)
    if isinstance(node.value, dict) and _meets_list(node, parts):
        child = _placed(node.value[parts[0]], parts[1:], new, (*above, parts[0]))
        return replace(node, value={**node.value, parts[0]: child})
    _require_place(node, parts, new, above)
    # A child recipe cannot merge into a list, so an item of a list is treated like a whole recipe.
    slot = any(part in (*SLOT_KEYS, *LIST_KEYS) for part in above)
    child = _nested(node, parts, new)
    return merged_slot(node, child, _override_options) if slot else merged(node, child, above, _override_options)


def _index(items: list[Node], part: str, new: Node, above: Path) -> int:
    index = int(part) if part.isascii() and part.isdecimal() and len(part) < 6 else -1
    if index == -1 and above[-1:] == (STAGES,):
        found = stage_index(items, part)
        index = -1 if found is None else found
    if not 0 <= index < len(items):
        content = f"items 0 to {len(items) - 1}" if items else "no items"
        named = f", called {', '.join(stage_names(items))}" if items and above[-1:] == (STAGES,) else ""
        message = f"does not exist: {dotted(above)} has {content}{named}"
        raise RecipeError([Problem(new.place, dotted((*above, part)), message)])
    return index


def _meets_list(node: Node, parts: Path) -> bool:
    """Return whether there is a list on the path to the last part."""
    for part in parts[:-1]:
        child = node.child(part)
        if child is None or isinstance(child.value, list):
            return child is not None
        node = child
    return False


def _require_place(node: Node, parts: Path, new: Node, above: Path) -> None:
    """Raise an error for a key below a plain value, except for an option below the name of a component."""
    for count, part in enumerate(parts):
        here = (*above, *parts[:count])
        slot = any(key in (*SLOT_KEYS, *LIST_KEYS) for key in here)
        if not slot and node.value is not None and not isinstance(node.value, dict):
            message = f"does not exist: {dotted(here)} is {described(node)}"
            raise RecipeError([Problem(new.place, dotted((*here, part)), message)])
        child = node.child(part)
        if child is None:
            # The key may be inherited or have a default; validation reports unknown keys.
            return
        node = child


def _nested(node: Node | None, parts: Path, new: Node) -> Node:
    """Return nested mappings that lead to a new value. They keep the places of mappings that exist already."""
    if not parts:
        return new
    inner = _nested(node.child(parts[0]) if node else None, parts[1:], new)
    return replace(node, value={parts[0]: inner}) if node else Node({parts[0]: inner}, new.place, new.place)


def _override_options(slot: dict[str, Node]) -> dict[str, Node]:
    """Return the options that earlier overrides set, or none if an override also named their component."""
    use = slot.get("use")
    if use is not None and use.mark.source == OVERRIDE:
        return {}
    found = {name: _from_overrides(option) for name, option in slot.items()}
    return {name: option for name, option in found.items() if option is not None}


def _from_overrides(node: Node) -> Node | None:
    own = node.mark.source == OVERRIDE
    if isinstance(node.value, dict):
        found = {name: _from_overrides(child) for name, child in node.value.items()}
        kept = {name: child for name, child in found.items() if child is not None}
        return replace(node, value=kept) if kept or own else None
    if isinstance(node.value, list):
        # If an override replaced one item of a list, the other items stay too.
        own = own or any(_from_overrides(item) is not None for item in node.value)
    return node if own else None
