"""The copies of a block that a recipe repeats, and the names of a block's items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dcgan_kit.recipes.keys import RESAMPLING
from dcgan_kit.recipes.resolved import Block, BlockItem


def copies(block: Block) -> Iterator[Block]:
    """Yield a block as often as it is repeated. Only the first copy resamples.

    In the others, resampling that convolves becomes the block's ``convolution``: an order without ``convolution``
    changes the channels while it resamples.
    """
    if block.repeat == 1:
        yield block
        return
    order = _at_one_size(block, block.order, keep_convolution="convolution" not in block.slot_order)
    later = replace(block, order=order)
    if block.shortcut is not None and block.shortcut.order is not None:
        order = _at_one_size(block, block.shortcut.order, keep_convolution=False)
        later = replace(later, shortcut=replace(block.shortcut, order=order))
    for number in range(1, block.repeat + 1):
        yield replace(block if number == 1 else later, name=f"{block.name}.{number}")


def named_items(order: Sequence[BlockItem]) -> Iterator[tuple[BlockItem, str]]:
    """Yield each item with its name: the second ``activation`` of an order has the name ``activation_2``."""
    for index, item in enumerate(order):
        count = sum(other.slot == item.slot for other in order[: index + 1])
        yield item, item.slot if count == 1 else f"{item.slot}_{count}"


def _at_one_size(block: Block, order: Sequence[BlockItem], keep_convolution: bool) -> tuple[BlockItem, ...]:
    convolution = BlockItem("convolution", block.slots.get("convolution"), path=(*block.path, "convolution"))
    kept = (item if item.slot not in RESAMPLING else (convolution if keep_convolution else None) for item in order)
    return tuple(item for item in kept if item is not None)
