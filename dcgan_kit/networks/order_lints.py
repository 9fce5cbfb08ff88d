"""The lint of orders: items that leave no trace in the network."""

from __future__ import annotations

from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.recipes.block_order import RESHAPE


@lint_rule(
    "An order says where in a block a component comes, not which one: an item without a component is left out "
    "(docs/recipes.md, Orders)."
)
def empty_item(context: LintContext) -> Results:
    recipe = context.recipe
    for network in (recipe.generator, recipe.discriminator):
        for block in network.blocks:
            path = (*block.path, "order")
            # An order for all stages may name what only some of them have.
            if recipe.origin.locate(path) is recipe.origin.locate(block.path):
                continue
            for slot in dict.fromkeys(item.slot for item in block.order if item.choice is None):
                if slot != RESHAPE:
                    yield path, f"names {slot}, but the block has no {slot}; set it, or leave the item out"
