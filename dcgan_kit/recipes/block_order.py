"""The order of a block: its items, each a slot with its component and, where the recipe says so, own options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dcgan_kit.errors import Problem, did_you_mean
from dcgan_kit.recipes import keys
from dcgan_kit.recipes.extends import merged_slot
from dcgan_kit.recipes.network_declarations import Filters
from dcgan_kit.recipes.nodes import Node, described, dotted
from dcgan_kit.recipes.resolved import BlockItem, Choice
from dcgan_kit.recipes.section_types import Strict
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.validation import Path, problems_of

RESHAPE = "reshape"
"""The one slot without a component."""
WITH_FILTERS = (*keys.RESAMPLING, "convolution", "projection")
"""Slots whose items may say how many channels they return."""


class _ItemOptions(Strict):
    filters: Filters


class OrderResolution:
    """Resolves the orders of one block.

    Args:
        rule: the rule of the block.
        slots: resolves a single slot.
        value_of: slot → the block's own value of it merged into that of the network, or None.
        chosen: the component in each slot of the block.
        problems: list to which problems are added.
    """

    def __init__(
        self,
        rule: keys.BlockRule,
        slots: SlotResolution,
        value_of: Callable[[str], Node | None],
        chosen: dict[str, Choice],
        problems: list[Problem],
    ) -> None:
        self.rule, self.slots, self.value_of, self.chosen, self.problems = rule, slots, value_of, chosen, problems

    def plain(self, order: Sequence[str], path: Path) -> tuple[BlockItem, ...]:
        """Return the items of a default order; ``path`` is that of the block."""
        return tuple(BlockItem(slot, self.chosen.get(slot), path=(*path, slot)) for slot in order)

    def items(self, node: Node, order_path: Path, block_path: Path) -> tuple[BlockItem, ...]:
        """Return the items of an order from the recipe's text; without those that have problems."""
        found: list[BlockItem] = []
        for index, item in enumerate(node.value if isinstance(node.value, list) else []):
            place = (*order_path, index)
            if isinstance(item.value, str):
                found += self.plain([item.value], block_path) if self._known(item.value, place, item) else []
            elif isinstance(item.value, dict) and len(item.value) == 1:
                ((slot, value),) = item.value.items()
                if self._known(slot, place, value):
                    found.append(self._own(slot, value, (*place, slot)))
        return tuple(found)

    def _known(self, slot: str, path: Path, node: Node) -> bool:
        if slot in self.rule.slots:
            return True
        hint = did_you_mean(slot, self.rule.slots)
        self._problem(path, f"no slot of this block (given: {slot!r}).{hint}", node)
        return False

    def _own(self, slot: str, value: Node, path: Path) -> BlockItem:
        """Return an item with options of its own: they are laid over the slot of the block."""
        if value.value is None or slot == RESHAPE:
            if slot == RESHAPE and value.value is not None:
                self._problem(path, f"takes no options (given: {described(value)})", value)
            return BlockItem(slot, self.chosen.get(slot), path=path)
        filters, options = self._filters(slot, value, path)
        default = self.value_of(slot)
        if isinstance(options.value, dict) and not options.value and default is not None:
            return BlockItem(slot, self.chosen.get(slot), filters, True, path)
        node = options if default is None else merged_slot(default, options)
        return BlockItem(slot, self.slots.choice(slot, node, path), filters, True, path)

    def _filters(self, slot: str, value: Node, path: Path) -> tuple[int | None, Node]:
        """Return the item's own number of channels, and its value without it."""
        node = value.child("filters")
        if not isinstance(value.value, dict) or node is None:
            return None, value
        if slot not in WITH_FILTERS:
            *names, last = WITH_FILTERS
            message = f"only items of {', '.join(names)} and {last} say how many channels they return"
            self._problem((*path, "filters"), message, node)
        options = replace(value, value={key: child for key, child in value.value.items() if key != "filters"})
        found = problems_of(_ItemOptions, replace(value, value={"filters": node}), path, str)
        self.problems.extend(found)
        return (None if found or not isinstance(node.value, int) else node.value), options

    def _problem(self, path: Path, message: str, node: Node) -> None:
        self.problems.append(Problem(node.place, dotted(path), message))
