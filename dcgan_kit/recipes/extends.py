"""The key ``extends``: merge a recipe into its parent.

Mappings are merged. Lists are replaced. If the child names another component in a slot, the parent's options for that
slot are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dcgan_kit.errors import Problem, RecipeError, UserError, did_you_mean
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import Node, described, dotted
from dcgan_kit.recipes.yaml_reader import PartlyUnderstood

MAX_GENERATIONS = 20
STAGES = "stages"
"""The one list that a child may change item by item: as a mapping from names of stages to changes."""
Finder = Callable[[str, str], Node]
"""(reference, name of the referring recipe) → the parent recipe; raises UserError if there is none."""
Kept = Callable[[dict[str, Node]], dict[str, Node]]
"""A slot's mapping → the options that stay even if the child names another component."""


def _nothing(_: dict[str, Node]) -> dict[str, Node]:
    return {}


def extended(node: Node, find: Finder) -> Node:
    """Return a recipe merged into its parents. The result has no key ``extends``.

    Raises:
        PartlyUnderstood: a recipe changes stages that its parent does not have. The error has the rest.
        RecipeError: a parent is missing, broken, or extends its own child.
    """
    problems: list[Problem] = []
    result = _extended(node, find, (), problems)
    if problems:
        raise PartlyUnderstood(problems, result)
    return result


def _extended(node: Node, find: Finder, children: tuple[str, ...], problems: list[Problem]) -> Node:
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
    return _merged(_extended(parent, find, chain, problems), own, (), _nothing, problems)


def merged(parent: Node, child: Node, path: tuple[str, ...] = (), kept: Kept = _nothing) -> Node:
    """Return the child merged into the parent; both are values of the key at ``path``.

    Raises:
        RecipeError: the child changes a stage that the parent does not have.
    """
    problems: list[Problem] = []
    result = _merged(parent, child, path, kept, problems)
    if problems:
        raise RecipeError(problems)
    return result


def _merged(parent: Node, child: Node, path: tuple[str, ...], kept: Kept, problems: list[Problem]) -> Node:
    if path[-1:] and path[-1] in SLOT_KEYS:
        return merged_slot(parent, child, kept)
    if path[-1:] == (STAGES,) and isinstance(parent.value, list) and isinstance(child.value, dict):
        return _with_changed_stages(parent, child, path, kept, problems)
    if isinstance(parent.value, dict) and isinstance(child.value, dict):
        together = dict(parent.value)
        for name, node in child.value.items():
            below = (*path, name)
            if name == STAGES and name not in together and isinstance(node.value, dict):
                message = "changes stages by name, but the parent has no stages; give a list of stages"
                problems.append(Problem(node.place, dotted(below), message))
                continue
            together[name] = _merged(together[name], node, below, kept, problems) if name in together else node
        return replace(child, value=together)
    return child


def _with_changed_stages(parent: Node, child: Node, path: tuple[str, ...], kept: Kept, problems: list[Problem]) -> Node:
    """Return the parent's list of stages, with a mapping from names of stages to changes laid over it."""
    stages = list(parent.value) if isinstance(parent.value, list) else []
    for name, change in child.items():
        index = stage_index(stages, name)
        if index is None:
            message = f"no stage of the parent has this name.{did_you_mean(name, stage_names(stages))}"
            problems.append(Problem(change.place, dotted((*path, name)), message))
        else:
            stages[index] = _merged(stages[index], change, (*path, str(index)), kept, problems)
    return replace(parent, value=stages)


def stage_index(stages: list[Node], name: str) -> int | None:
    """Return the index of the stage with a name, or None."""
    names = stage_names(stages)
    return names.index(name) if name in names else None


def stage_names(stages: list[Node]) -> list[str]:
    """Return the name of each stage: its own, or ``stage1``, ``stage2``, and so on."""
    given = [stage.child("name") for stage in stages]
    return [
        own.value if own is not None and isinstance(own.value, str) else f"stage{number}"
        for number, own in enumerate(given, start=1)
    ]


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
