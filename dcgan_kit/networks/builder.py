"""Build Keras functional models from a resolved recipe. The layers have the names of their slots.

``symbolic=True`` creates no weights. Then shapes, parameters and operations of a network of any size take only
milliseconds and kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import keras
from keras import layers

from dcgan_kit.components.kinds import Shape
from dcgan_kit.errors import Problem, RecipeError, collect_problems
from dcgan_kit.networks.block_copies import copies, named_items
from dcgan_kit.networks.keras_internals import weightless
from dcgan_kit.networks.network import JOIN, Network, Networks, Part
from dcgan_kit.networks.part_builder import PartBuilder, Slot, key_of, times
from dcgan_kit.networks.side_inputs import LABEL
from dcgan_kit.process.keras_defaults import set_keras_defaults
from dcgan_kit.recipes.block_order import WITH_FILTERS
from dcgan_kit.recipes.keys import RESAMPLING
from dcgan_kit.recipes.resolved import Block, BlockItem, NetworkPlan, ResolvedRecipe, ShortcutPlan

_SHAPE_KEEPING = ("conditioning", "normalization", "activation", "regularizer", "attention")
CONDITIONAL = {
    "generator": "give its input `conditioning: concatenate`, or its stages `normalization: conditional_batch`",
    "discriminator": "give its first stage `conditioning: concatenate`, or its output `head: projection` or "
    "`head: auxiliary_classifier`",
}
"""For each network, what makes it conditional."""


def build_networks(recipe: ResolvedRecipe, symbolic: bool = False) -> Networks:
    """Build both networks.

    Args:
        recipe: the recipe.
        symbolic: create no weights. The models then have shapes, but cannot be called on data.

    Raises:
        RecipeError: the stages do not lead to the image's size, or a component does not fit its place; with places.
    """
    set_keras_defaults()
    with weightless() if symbolic else nullcontext():
        generator, discriminator = collect_problems(
            lambda: _Builder(recipe, recipe.generator, (recipe.latent_size,)).network(),
            lambda: _Builder(recipe, recipe.discriminator, recipe.image.shape).network(),
        )
    return Networks(generator, discriminator)


class _Builder:
    """Builds one network, block after block."""

    def __init__(self, recipe: ResolvedRecipe, plan: NetworkPlan, input_shape: Shape) -> None:
        self.recipe = recipe
        self.plan = plan
        self.parts = PartBuilder(recipe, plan.role, input_shape)
        self.block_shapes: list[tuple[str, Shape]] = []
        self.problems: list[Problem] = []

    def network(self) -> Network:
        parts = self.parts
        try:
            for planned in self.plan.blocks:
                for block in copies(planned):
                    self._block(block)
                    self.block_shapes.append((block.name, parts.shape))
        except RecipeError as error:
            self.problems.extend(error.problems)
        if self.problems:
            raise RecipeError(self.problems)
        required = self.recipe.image.shape if self.plan.role == "generator" else (1,)
        if parts.shape != required and not self._classifies:
            self._require_output(required)
        self._require_condition()
        inputs = [parts.input, parts.sides[LABEL]] if LABEL in parts.taken else parts.input
        model = keras.Model(inputs, parts.tensor, name=self.plan.role)
        return Network(self.plan.role, model, tuple(parts.made))

    @property
    def _classifies(self) -> bool:
        """Whether the discriminator returns a logit for each class besides the first logit, and perhaps one more."""
        classes, shape = self.recipe.classes, self.parts.shape
        return self.plan.role == "discriminator" and classes is not None and shape in ((1 + classes,), (2 + classes,))

    def _require_condition(self) -> None:
        """Raise an error if no component of the network uses the classes that the recipe has."""
        if self.recipe.classes is None or LABEL in self.parts.taken or self._classifies:
            return
        path = ("condition",)
        message = f"no component of the {self.plan.role} takes the class: {CONDITIONAL[self.plan.role]}"
        raise RecipeError([Problem(self.recipe.mark(path), "condition", message)])

    def _require_output(self, required: Shape) -> None:
        gave = ", ".join(f"{name} gave {times(shape)}" for name, shape in self.block_shapes)
        path = (self.plan.role, "output")
        message = f"the {self.plan.role} ends in {times(self.parts.shape)} and must end in {times(required)}: {gave}"
        mark = self.recipe.mark(path, (self.plan.role,), ("image",))
        raise RecipeError([Problem(mark, f"{self.plan.role}.output", message)])

    def _block(self, block: Block) -> None:
        filters = block.filters
        if filters is None:
            image = self.plan.role == "generator" and block.name == "output"
            filters = self.recipe.image.channels if image else self.parts.shape[-1]
        entry, before = self.parts.position, len(self.parts.made)
        self._items(block, block.order, filters, adds_convolution="convolution" not in block.slot_order)
        way = self.parts.made[before:]
        self._require_width(block, way)
        if block.shortcut is not None:
            self._shortcut(block, block.shortcut, entry, filters, way)

    def _require_width(self, block: Block, way: Sequence[Part]) -> None:
        """Check that a block with widths of single items returns as many channels as its ``filters`` say."""
        if block.filters is None or all(item.filters is None for item in block.order):
            return
        found = [part.output_shape[-1] for part in way if part.kind in WITH_FILTERS]
        if found and found[-1] != block.filters:
            message = f"{block.name} returns {found[-1]} channels, as its order says, and not {block.filters}"
            path = (*block.path, "filters")
            raise RecipeError([Problem(self.recipe.mark(path), key_of(path), message)])

    def _items(
        self, block: Block, order: Sequence[BlockItem], filters: int, prefix: str = "", adds_convolution: bool = False
    ) -> None:
        """Apply the items of an order. ``adds_convolution``: where resampling does not change the channels."""
        pending: list[Any] = []
        for item, name in named_items(order):
            slot = Slot(block, item, f"{prefix}{name}", filters if item.filters is None else item.filters)
            if item.slot == "reshape":
                self.parts.append(pending, slot.of_builder("projection"))
                pending = []
                continue
            if item.choice is None and item.slot != "convolution":
                continue
            try:
                if item.slot in RESAMPLING and adds_convolution:
                    self._resample(slot)
                    continue
                made = self.parts.make(slot)
                reshaped = item.slot == "projection" and "reshape" in block.slot_order
                if reshaped and made and type(made[-1]) is layers.Reshape:
                    made, pending = made[:-1], [made[-1]]
                self.parts.append(made, slot, check=not pending)
                self._require_filters(slot)
            except RecipeError as error:
                if item.slot not in _SHAPE_KEEPING:
                    raise
                # This slot keeps the shape, so the following slots can still be checked without it.
                self.problems.extend(error.problems)

    def _require_filters(self, slot: Slot) -> None:
        """Check that an item returns as many channels as it says itself."""
        wanted, found = slot.item.filters, self.parts.shape[-1]
        if wanted is not None and wanted != found and slot.choice is not None:
            path = (*slot.item.path, "filters")
            message = f"{slot.choice.component.name} returns {found} channels and cannot return {wanted}"
            raise RecipeError([Problem(self.recipe.mark(path), key_of(path), message)])

    def _resample(self, slot: Slot) -> None:
        """Apply an upsampling or downsampling component.

        If it does not change the number of channels, add a convolution after it in G, or before it in D.
        """
        parts = self.parts
        before, count = parts.position, len(parts.made)
        parts.append(parts.make(slot), slot)
        if parts.shape[-1] == slot.filters:
            return
        added = sum(part.kind == "convolution" and part.block == slot.block.name for part in parts.made)
        convolution = slot.with_convolution(added + 1)
        if slot.item.slot == "upsample":
            parts.append(parts.make(convolution), convolution)
            return
        # Pooling usually comes after the convolution. So undo the step, and apply both in that order.
        del parts.made[count:]
        parts.go_to(before)
        parts.append(parts.make(convolution), convolution)
        parts.append(parts.make(slot), slot)

    def _shortcut(
        self, block: Block, plan: ShortcutPlan, entry: tuple[Any, int], filters: int, way: Sequence[Part]
    ) -> None:
        """Go the second way through a block, from its input, and join it with the first way."""
        main, shape, before = self.parts.position, self.parts.shape, len(self.parts.made)
        self.parts.go_to(entry)
        if plan.order is not None:
            self._items(block, plan.order, filters, "shortcut_")
        else:
            resampling = [item for item in block.order if item.slot in RESAMPLING]
            self._items(block, resampling, shape[-1], "shortcut_")
            if plan.join == "add" and self.parts.shape[-1] != shape[-1]:
                slot = Slot(block, BlockItem("convolution", None, path=plan.path), "shortcut_convolution", shape[-1])
                self.parts.append(self.parts.make(slot, kernel_size=1), slot)
        self._require_meeting(block, plan, shape, [way, self.parts.made[before:]])
        self._join(block, plan, main)

    def _require_meeting(self, block: Block, plan: ShortcutPlan, shape: Shape, ways: list[Sequence[Part]]) -> None:
        """Check that both ways through a block return maps that can be joined."""
        short = self.parts.shape
        if short[:-1] == shape[:-1] and (plan.join == "concatenate" or short == shape):
            return
        message = f"{block.name} returns {times(shape)} and its shortcut {times(short)}, which do not meet. "
        if short[:-1] == shape[:-1]:
            message += "A sum needs equal channels: end the shortcut's order in a convolution, or concatenate"
        else:
            stage, shortcut = map(_resized, ways)
            message += f"In the stage {stage}, and in the shortcut {shortcut}"
        raise RecipeError([Problem(self.recipe.mark(plan.path), key_of(plan.path), message)])

    def _join(self, block: Block, plan: ShortcutPlan, main: tuple[Any, int]) -> None:
        made: list[Any] = [layers.Add(name="add") if plan.join == "add" else layers.Concatenate(name="concatenate")]
        if plan.scale != 1.0:
            made.append(layers.Rescaling(plan.scale, name="scale"))
        slot = Slot(block, BlockItem(JOIN, None, path=plan.path), JOIN, self.parts.shape[-1])
        self.parts.join(made, slot, main, plan.join)


def _resized(way: Sequence[Part]) -> str:
    """Return which parts change the size of the map, as text."""
    changes = [(part.name, part.input_shape[:-1], part.output_shape[:-1]) for part in way]
    found = [f"{name} makes {times(after)} of {times(before)}" for name, before, after in changes if before != after]
    return " and ".join(found) or "nothing resamples"
