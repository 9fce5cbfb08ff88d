"""The key ``extends``: merge a recipe into its parent.

Mappings are merged. Lists are replaced. If the child names another component in a slot, the parent's options for that
slot are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dcgan_kit.errors import Problem, RecipeError, UserError
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import Node, described

MAX_GENERATIONS = 20
Finder = Callable[[str, str], Node]
"""(reference, name of the referring recipe) → the parent recipe; raises UserError if there is none."""
Kept = Callable[[dict[str, Node]], dict[str, Node]]
"""A slot's mapping → the options that stay even if the child names another component."""


def _nothing(_: dict[str, Node]) -> dict[str, Node]:
    return {}


def extended(node: Node, find: Finder) -> Node:
    """Return a recipe merged into its parents. The result has no key ``extends``.

    Raises:
        RecipeError: a parent is missing, broken, or extends its own child.
    """
    return _extended(node, find, ())


def _extended(node: Node, find: Finder, children: tuple[str, ...]) -> Node:
    reference = node.child("extends")
    if reference is None or not isinstance(node.value, dict):
        return node
    own = replace(node, value={key: value for key, value in node.value.items() if key != "extends"})
    chain = (*children, node.mark.source)
    if not isinstance(reference.value, str):
        message = f"must be a recipe's name or path (given: {described(reference)})"
        raise RecipeError([Problem(reference.mark, "extends", message)])
    try:
        parent = find(reference.value, node.mark.source)
    except RecipeError:
        raise
    except UserError as error:
        raise RecipeError([Problem(reference.mark, "extends", str(error))]) from error
    if parent.mark.source in chain:
        circle = " extends ".join([*chain[chain.index(parent.mark.source) :], parent.mark.source])
        raise RecipeError([Problem(reference.mark, "extends", f"goes round in a circle: {circle}")])
    if len(chain) >= MAX_GENERATIONS:
        raise RecipeError([Problem(reference.mark, "extends", f"more than {MAX_GENERATIONS} generations")])
    return merged(_extended(parent, find, chain), own)


def merged(parent: Node, child: Node, key: str = "", kept: Kept = _nothing) -> Node:
    """Return the child merged into the parent; both are values of the same key."""
    if key in SLOT_KEYS:
        return merged_slot(parent, child, kept)
    if isinstance(parent.value, dict) and isinstance(child.value, dict):
        together = dict(parent.value)
        for name, node in child.value.items():
            together[name] = merged(together[name], node, name, kept) if name in together else node
        return replace(child, value=together)
    return child


def merged_slot(parent: Node, child: Node, kept: Kept = _nothing) -> Node:
    """Return a child's slot merged into its parent's. The parent's options stay only if the component is the same."""
    before, after = _as_mapping(parent), _as_mapping(child)
    if before is None or after is None:
        return child
    named, inherited = after.get("use"), before.get("use")
    if named is not None and (inherited is None or not same_component(named.value, inherited.value)):
        before = kept(before)
        if not before:
            return child
    if isinstance(child.value, str) and len(before) == 1:
        return child
    together = dict(before)
    for name, node in after.items():
        # An option whose value is a component, such as an initializer, is also a slot.
        nested = name in together and name != "use" and isinstance(node.value, dict | str)
        together[name] = merged_slot(together[name], node, kept) if nested else node
    return replace(child, value=together)


def same_component(one: object, other: object) -> bool:
    """Return whether two references mean the same component, such as ``batch`` and ``normalization/batch``."""
    if not isinstance(one, str) or not isinstance(other, str):
        return one == other
    if "/" in one and "/" in other:
        return one == other
    return one.rpartition("/")[2] == other.rpartition("/")[2]


def _as_mapping(node: Node) -> dict[str, Node] | None:
    if isinstance(node.value, str):
        return {"use": replace(node, key_mark=None)}
    return node.value if isinstance(node.value, dict) else None
