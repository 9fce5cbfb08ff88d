"""The lint of orders: items that leave no trace in the network."""

from __future__ import annotations

from collections.abc import Sequence

from dcgan_kit.networks.lint_rule import LintContext, Path, Results, lint_rule
from dcgan_kit.recipes.block_order import RESHAPE
from dcgan_kit.recipes.resolved import BlockItem, ResolvedRecipe


@lint_rule(
    "An order says where in a block a component comes, not which one: an item without a component is left out "
    "(docs/recipes.md, Orders)."
)
def empty_item(context: LintContext) -> Results:
    recipe = context.recipe
    for role, network in (("generator", recipe.generator), ("discriminator", recipe.discriminator)):
        sharing = []
        for block in network.blocks:
            if _has_order(recipe, block.path):
                yield from _empty(block.order, (*block.path, "order"), "the block has")
            else:
                sharing.append(block)
            shortcut = block.shortcut
            if shortcut is not None and shortcut.order is not None and _has_order(recipe, shortcut.path):
                yield from _empty(shortcut.order, (*shortcut.path, "order"), "the block has")
        stages = [block for block in sharing if block.path[1:2] == ("stages",)]
        if stages and _has_order(recipe, (role,)):
            # What only some of the stages have is no mistake.
            filled = {item.slot for block in stages for item in block.order if item.choice is not None}
            empty = [item for item in stages[0].order if item.slot not in filled]
            yield from _empty(empty, (role, "order"), "the stages have")


def _has_order(recipe: ResolvedRecipe, path: Path) -> bool:
    """Return whether the recipe or a parent writes an order at this place."""
    node = recipe.origin.find((*path, "order"))
    return node is not None and isinstance(node.value, list)


def _empty(order: Sequence[BlockItem], path: Path, having: str) -> Results:
    for slot in dict.fromkeys(item.slot for item in order if item.choice is None):
        if slot != RESHAPE:
            yield path, f"names {slot}, but {having} no {slot}; set it, or leave the item out"
