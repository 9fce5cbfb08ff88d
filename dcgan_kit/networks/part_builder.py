"""Make the layers of one slot, apply them to a symbolic tensor, and check that they keep the contract of their kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras

from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.site import Site
from dcgan_kit.errors import ComponentError, Problem, RecipeError
from dcgan_kit.networks.constraints import CONVOLUTIONS, constrained, unconstrained
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.network import BUILDER, INPUT, JOIN, OF_BUILDER, Part
from dcgan_kit.networks.side_inputs import LABEL, LATENT, side_inputs, with_sides
from dcgan_kit.recipes.resolved import Block, BlockItem, Choice, ResolvedRecipe, Role


@dataclass(frozen=True)
class Slot:
    """A slot that is being filled.

    Attributes:
        block: the block that contains it.
        item: the slot in the order of the block, with its component.
        name: name of the slot in the block, such as ``activation_2`` or ``shortcut_convolution``.
        filters: channels that it should return.
    """

    block: Block
    item: BlockItem
    name: str
    filters: int

    @property
    def part_name(self) -> str:
        """Name of its part, and of its layers."""
        return f"{self.block.name}_{self.name}"

    @property
    def choice(self) -> Choice | None:
        """The component; None for a layer of the builder."""
        return self.item.choice

    def of_builder(self, kind: str) -> Slot:
        """Return the same slot with another kind and without a component."""
        return replace(self, item=replace(self.item, slot=kind, choice=None))

    def with_convolution(self, number: int = 1) -> Slot:
        """Return the slot of the convolution that accompanies resampling; ``number`` counts them in the block."""
        path = (*self.block.path, "convolution")
        item = BlockItem("convolution", self.block.slots.get("convolution"), path=path)
        name = "convolution" if number == 1 else f"convolution_{number}"
        return replace(self, item=item, name=name)


class PartBuilder:
    """The part of a network that is built so far.

    Args:
        recipe: the recipe.
        role: the network.
        input_shape: shape of its input without the batch dimension.

    Attributes:
        input: the symbolic input.
        tensor: the symbolic tensor that the next layer takes.
        made: the parts so far.
        sides: symbolic side inputs by name.
        taken: names of the side inputs that layers take.
    """

    def __init__(self, recipe: ResolvedRecipe, role: Role, input_shape: Shape) -> None:
        self.recipe, self.role = recipe, role
        generator = role == "generator"
        self.input = self.tensor = keras.Input(input_shape, name=LATENT if generator else "image")
        self.sides: dict[str, Any] = {LATENT: self.input} if generator else {}
        if recipe.classes is not None:
            self.sides[LABEL] = keras.Input((recipe.classes,), name=LABEL)
        self.taken: set[str] = set()
        self.made: list[Part] = []
        self._at = INPUT
        self._constrained: dict[str, list[Any]] = {}
        """By block: the layers that its constraint received or made."""

    @property
    def shape(self) -> Shape:
        """Shape of ``tensor`` without the batch dimension."""
        return tuple(self.tensor.shape[1:])

    @property
    def position(self) -> tuple[Any, int]:
        """The current tensor, and the index of the part that made it."""
        return self.tensor, self._at

    def go_to(self, position: tuple[Any, int]) -> None:
        """Let the next layer take the tensor of an earlier position."""
        self.tensor, self._at = position

    def make(self, slot: Slot, kernel_size: int = 3) -> list[Any]:
        """Return the layers of a slot, not applied yet; without a component, a convolution of the builder.

        Raises:
            RecipeError: the component failed, or returned no layers.
        """
        if slot.choice is None:
            return self._held([self._site(slot).conv(kernel_size=kernel_size)], slot)
        try:
            made = slot.choice.build(self._site(slot))
            found = as_layers(made)
        except ComponentError as error:
            raise self._problem(slot, str(error)) from error
        if found is None:
            raise self._broken(slot, slot.choice, made)
        return self._held(found, slot)

    def append(self, made: list[Any], slot: Slot, check: bool = True) -> None:
        """Apply layers to the current tensor, and add their part.

        Args:
            made: the layers.
            slot: the slot that they fill.
            check: whether the kind's rule for shapes applies.

        Raises:
            RecipeError: a layer failed, or its shape breaks the rule.
        """
        before = self.shape
        _rename(made, slot.part_name)
        for layer in made:
            self.tensor = self._applied(layer, slot)
        after = self.shape
        if None in after:
            raise self._problem(slot, f"{slot.choice and slot.choice.component} gives {after}: sizes must be known")
        rule = KINDS[slot.item.slot].shape_rule if slot.choice is not None and check and made else None
        width = self.recipe.classes or 0 if slot.item.slot == "head" else slot.filters
        complaint = rule(before, after, width) if rule else None
        if complaint and slot.choice:
            message = f"{slot.choice.component} {complaint}; it was given {times(before)} and returned {times(after)}"
            raise self._problem(slot, message)
        if made:
            component = slot.choice.component if slot.choice else None
            without = "reshape" if slot.item.slot == "projection" else BUILDER
            self._add(
                Part(
                    name=slot.part_name,
                    kind=slot.item.slot,
                    component=component.name if component else without,
                    owner=component.owner if component else "",
                    path=self._chosen(slot),
                    layers=tuple(made),
                    input_shape=before,
                    output_shape=after,
                    unconstrained=self._unconstrained(made, slot),
                    author=component or OF_BUILDER,
                    inputs=(self._at,),
                )
            )

    def join(self, made: list[Any], slot: Slot, main: tuple[Any, int], component: str) -> None:
        """Join the current tensor, that of a shortcut, with that of its block.

        Args:
            made: layers, of which the first takes both tensors.
            slot: the slot of the join.
            main: position at the end of the block.
            component: how the tensors are joined.
        """
        _rename(made, slot.part_name)
        (tensor, index), before = main, self._at
        value = made[0]([tensor, self.tensor])
        for layer in made[1:]:
            value = layer(value)
        shape, self.tensor = tuple(tensor.shape[1:]), value
        path, inputs = slot.item.path, (index, before)
        self._add(Part(slot.part_name, JOIN, component, "", path, tuple(made), shape, self.shape, inputs=inputs))

    def _add(self, part: Part) -> None:
        self.made.append(part)
        self._at = len(self.made) - 1

    def _site(self, slot: Slot) -> Site:
        return Site(
            role=self.role,
            block=slot.block.name,
            slot=slot.name,
            input_shape=self.shape,
            filters=slot.filters,
            bias=slot.block.bias,
            initializer=lambda seed: self._initializer(slot, seed),
            run_seed=self.recipe.training.seed,
            classes=self.recipe.classes,
            latent_size=self.recipe.latent_size if self.role == "generator" else None,
        )

    def _initializer(self, slot: Slot, seed: int) -> Any:
        made = slot.block.initializer.build(seed)
        if not isinstance(made, keras.initializers.Initializer):
            raise self._broken(_of_block(slot, "initializer"), slot.block.initializer, made)
        return made

    def _held(self, made: list[Any], slot: Slot) -> list[Any]:
        """Return the layers with the block's constraint on them."""
        constraint = slot.block.constraint
        if constraint is None:
            return made
        own = _of_block(slot, "constraint")
        wrap = constraint.build(self._site(replace(own, filters=1)))
        if wrap is None:
            return made
        if not callable(wrap):
            raise self._broken(own, constraint, wrap)
        held, wrapped = constrained(made, wrap)
        if as_layers(wrapped) is None:
            raise self._broken(own, constraint, wrapped)
        reached = self._constrained.setdefault(slot.block.name, [])
        reached.extend(layers_within(*wrapped))
        return held

    def _applied(self, layer: Any, slot: Slot) -> Any:
        owner = slot.choice.component if slot.choice else OF_BUILDER
        with guarded(owner, f"applying it to {times(self.shape)}", partial(self._problem, slot), passing=()):
            result = layer(self._input_of(layer, slot))
        if not isinstance(result, keras.KerasTensor):
            raise self._problem(
                slot, f"{slot.choice.component if slot.choice else layer.name} must map one tensor to one tensor"
            )
        return result

    def _input_of(self, layer: Any, slot: Slot) -> Any:
        names = side_inputs(layer)
        unknown = [name for name in names if name not in self.sides]
        if unknown:
            known = ", ".join(self.sides) or "none"
            message = f"{layer.name} takes the side input {unknown[0]!r}; in the {self.role} there are: {known}"
            raise self._problem(slot, message)
        self.taken.update(names)
        return with_sides(layer, self.tensor, self.sides)

    def _unconstrained(self, made: list[Any], slot: Slot) -> tuple[str, ...]:
        reached = self._constrained.get(slot.block.name)
        if reached is None:
            return ()
        if slot.item.slot == "normalization":
            # Scales and shifts act on single channels, even if an embedding or a dense layer makes them for each class,
            # so they are not counted. A convolution mixes pixels and channels. A kernel of another class is not seen.
            made = [layer for layer in layers_within(*made) if isinstance(layer, CONVOLUTIONS)]
        return tuple(unconstrained(made, reached))

    def _chosen(self, slot: Slot) -> tuple[str | int, ...]:
        """Return the path at which the recipe sets a slot: in the order, in the block, or for the whole network."""
        block, path = slot.block, slot.item.path
        if path != (*block.path, slot.item.slot):
            return path
        inherited = self.recipe.origin.locate(path) is self.recipe.origin.locate(block.path)
        return (self.role, slot.item.slot) if inherited else path

    def _broken(self, slot: Slot, choice: Choice, made: Any) -> RecipeError:
        expected = KINDS[choice.component.kind].returns
        return self._problem(slot, f"{choice.component} must return {expected}, and returned {made!r:.100}")

    def _problem(self, slot: Slot, message: str) -> RecipeError:
        return RecipeError([Problem(self.recipe.mark(self._chosen(slot)), key_of(slot.item.path), message)])


def as_layers(made: Any) -> list[Any] | None:
    """Return a factory's result as a list of layers, or None if it is no layer and no sequence of layers."""
    if isinstance(made, keras.Layer):
        return [made]
    if isinstance(made, Sequence) and all(isinstance(layer, keras.Layer) for layer in made):
        return list(made)
    return None


def times(shape: Shape) -> str:
    """Return a shape as text: ``8x8x64``."""
    return "x".join(map(str, shape))


def key_of(path: Sequence[str | int]) -> str:
    """Return a path as a dotted key."""
    return ".".join(map(str, path))


def _of_block(slot: Slot, kind: str) -> Slot:
    """Return the slot of a component of the whole block: its initializer or its constraint."""
    item = BlockItem(kind, None, path=(*slot.block.path, kind))
    return replace(slot, item=item, name=kind)


def _rename(made: list[Any], name: str) -> None:
    """Name layers after their slot. If there are several, add the type of each layer."""
    if len(made) == 1:
        made[0].name = name
        return
    taken: set[str] = set()
    for layer in made:
        suffix = re.sub(r"_\d+$", "", layer.name)
        number = next(n for n in range(1, len(made) + 1) if (suffix if n == 1 else f"{suffix}_{n}") not in taken)
        suffix = suffix if number == 1 else f"{suffix}_{number}"
        taken.add(suffix)
        layer.name = f"{name}_{suffix}"
