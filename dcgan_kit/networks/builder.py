"""Build Keras functional models from a resolved recipe. The layers have the names of their slots.

``symbolic=True`` creates no weights. Then shapes, parameters and operations of a network of any size take only
milliseconds and kilobytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from dcgan_kit.components.guard import Author, CodeOwner, guarded
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.site import Site
from dcgan_kit.errors import ComponentError, Problem, RecipeError, collect_problems
from dcgan_kit.networks.constraints import constrained, unconstrained
from dcgan_kit.networks.keras_internals import layers_within, weightless
from dcgan_kit.process.keras_defaults import set_keras_defaults
from dcgan_kit.recipes.resolved import Block, Choice, NetworkPlan, ResolvedRecipe

BUILDER = "builder"
"""Component name of a convolution that the builder added to change the number of channels."""
_OWN = Author(f"convolution of the {BUILDER}", __name__)
_SHAPE_KEEPING = ("normalization", "activation", "regularizer")


@dataclass(frozen=True)
class Part:
    """One part of a network: the layers that fill one slot.

    Attributes:
        name: name such as ``stage2_upsample``. A single layer has this name; several layers have it as a prefix.
        kind: kind of the component.
        component: name of the component.
        owner: the plugin that offers the component; empty for a convolution of the builder.
        path: the place in the recipe that chooses the component.
        layers: its layers, in order.
        input_shape: shape of its input without the batch dimension.
        output_shape: shape of its output without the batch dimension.
        unconstrained: names of its layers whose kernels the block's constraint does not reach.
        author: the code owner that error messages name if one of its layers fails.
    """

    name: str
    kind: str
    component: str
    owner: str
    path: tuple[str | int, ...]
    layers: tuple[Any, ...]
    input_shape: Shape
    output_shape: Shape
    unconstrained: tuple[str, ...] = ()
    author: CodeOwner = _OWN

    @property
    def block(self) -> str:
        """Name of the block that contains it."""
        return self.name.partition("_")[0]


@dataclass(frozen=True)
class Network:
    """A built network: the Keras model and its parts, in order."""

    role: str
    model: Any
    parts: tuple[Part, ...]

    def part_of(self, layer_name: str) -> Part | None:
        """Return the part that contains the layer with this name, or None."""
        return next((p for p in self.parts if any(layer.name == layer_name for layer in p.layers)), None)


@dataclass(frozen=True)
class Networks:
    """The two networks of a recipe."""

    generator: Network
    discriminator: Network


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
    def __init__(self, recipe: ResolvedRecipe, plan: NetworkPlan, input_shape: Shape) -> None:
        self.recipe = recipe
        self.plan = plan
        self.input = keras.Input(input_shape, name="latent" if plan.role == "generator" else "image")
        self.tensor = self.input
        self.parts: list[Part] = []
        self.block_shapes: list[tuple[str, Shape]] = []
        self.problems: list[Problem] = []
        self.constrained: dict[str, list[Any]] = {}
        """By block: the layers that its constraint received or made."""

    def network(self) -> Network:
        try:
            for block in self.plan.blocks:
                self._block(block)
                self.block_shapes.append((block.name, self._shape))
        except RecipeError as error:
            self.problems.extend(error.problems)
        if self.problems:
            raise RecipeError(self.problems)
        required = self.recipe.image.shape if self.plan.role == "generator" else (1,)
        if self._shape != required:
            self._require_output(required)
        model = keras.Model(self.input, self.tensor, name=self.plan.role)
        return Network(self.plan.role, model, tuple(self.parts))

    @property
    def _shape(self) -> Shape:
        return tuple(self.tensor.shape[1:])

    def _require_output(self, required: Shape) -> None:
        gave = ", ".join(f"{name} gave {_times(shape)}" for name, shape in self.block_shapes)
        path = (self.plan.role, "output")
        message = f"the {self.plan.role} ends in {_times(self._shape)} and must end in {_times(required)}: {gave}"
        mark = self.recipe.mark(path, (self.plan.role,), ("image",))
        raise RecipeError([Problem(mark, f"{self.plan.role}.output", message)])

    def _block(self, block: Block) -> None:
        filters = block.filters
        if filters is None:
            image = self.plan.role == "generator" and block.name == "output"
            filters = self.recipe.image.channels if image else self._shape[-1]
        convolved = "convolution" in block.order
        pending: list[Any] = []
        for slot, name in _numbered(block.order):
            if slot == "reshape":
                self._append(pending, f"{block.name}_{name}", "projection", None, block, filters)
                pending = []
                continue
            choice = block.slots.get(slot)
            if choice is None:
                continue
            try:
                if slot in ("upsample", "downsample") and not convolved:
                    self._resample(block, slot, name, choice, filters)
                    continue
                made = self._make(block, slot, name, choice, filters)
                if slot == "projection" and "reshape" in block.order and made and type(made[-1]) is layers.Reshape:
                    made, pending = made[:-1], [made[-1]]
                self._append(made, f"{block.name}_{name}", slot, choice, block, filters, check=not pending)
            except RecipeError as error:
                if slot not in _SHAPE_KEEPING:
                    raise
                # This slot keeps the shape, so the following slots can still be checked without it.
                self.problems.extend(error.problems)

    def _resample(self, block: Block, slot: str, name: str, choice: Choice, filters: int) -> None:
        """Apply an upsampling or downsampling component.

        If it does not change the number of channels, add a convolution after it in G, or before it in D.
        """
        before, count = self.tensor, len(self.parts)
        self._append(
            self._make(block, slot, name, choice, filters), f"{block.name}_{name}", slot, choice, block, filters
        )
        if self._shape[-1] == filters:
            return
        if slot == "upsample":
            self._convolve(block, filters)
            return
        # Pooling usually comes after the convolution. So undo the step, and apply both in that order.
        self.tensor, self.parts = before, self.parts[:count]
        self._convolve(block, filters)
        self._append(
            self._make(block, slot, name, choice, filters), f"{block.name}_{name}", slot, choice, block, filters
        )

    def _convolve(self, block: Block, filters: int) -> None:
        choice = block.slots.get("convolution")
        name = f"{block.name}_convolution"
        if choice is None:
            made = self._constrained([self._site(block, "convolution", filters).conv(kernel_size=3)], block)
            self._append(made, name, "convolution", None, block, filters)
        else:
            made = self._make(block, "convolution", "convolution", choice, filters)
            self._append(made, name, "convolution", choice, block, filters)

    def _site(self, block: Block, slot: str, filters: int) -> Site:
        return Site(
            role=self.plan.role,
            block=block.name,
            slot=slot,
            input_shape=self._shape,
            filters=filters,
            bias=block.bias,
            initializer=lambda seed: self._initializer(block, seed),
            run_seed=self.recipe.training.seed,
        )

    def _initializer(self, block: Block, seed: int) -> Any:
        made = block.initializer.build(seed)
        if not isinstance(made, keras.initializers.Initializer):
            raise self._broken(block, "initializer", block.initializer, made)
        return made

    def _make(self, block: Block, slot: str, name: str, choice: Choice, filters: int) -> list[Any]:
        try:
            made = choice.build(self._site(block, name, filters))
            found = as_layers(made)
        except ComponentError as error:
            raise self._problem(block, slot, str(error)) from error
        if found is None:
            raise self._broken(block, slot, choice, made)
        return self._constrained(found, block)

    def _constrained(self, made: list[Any], block: Block) -> list[Any]:
        if block.constraint is None:
            return made
        wrap = block.constraint.build(self._site(block, "constraint", 1))
        if wrap is None:
            return made
        if not callable(wrap):
            raise self._broken(block, "constraint", block.constraint, wrap)
        held, wrapped = constrained(made, wrap)
        if as_layers(wrapped) is None:
            raise self._broken(block, "constraint", block.constraint, wrapped)
        reached = self.constrained.setdefault(block.name, [])
        reached.extend(layers_within(*wrapped))
        return held

    def _append(
        self,
        made: list[Any],
        name: str,
        slot: str,
        choice: Choice | None,
        block: Block,
        filters: int,
        check: bool = True,
    ) -> None:
        before = self._shape
        _rename(made, name)
        for layer in made:
            self.tensor = self._applied(layer, block, slot, choice)
        after = self._shape
        if None in after:
            raise self._problem(block, slot, f"{choice and choice.component} gives {after}: sizes must be known")
        rule = KINDS[slot].shape_rule if choice is not None and check and made else None
        complaint = rule(before, after, filters) if rule else None
        if complaint and choice:
            message = f"{choice.component} {complaint}; it was given {_times(before)} and returned {_times(after)}"
            raise self._problem(block, slot, message)
        if made:
            component = choice.component if choice else None
            self.parts.append(
                Part(
                    name=name,
                    kind=slot,
                    component=component.name if component else ("reshape" if slot == "projection" else BUILDER),
                    owner=component.owner if component else "",
                    path=self._chosen(block, slot),
                    layers=tuple(made),
                    input_shape=before,
                    output_shape=after,
                    unconstrained=self._unconstrained(made, block),
                    author=component or _OWN,
                )
            )

    def _applied(self, layer: Any, block: Block, slot: str, choice: Choice | None) -> Any:
        owner = choice.component if choice else _OWN
        with guarded(owner, f"applying it to {_times(self._shape)}", partial(self._problem, block, slot), passing=()):
            result = layer(self.tensor)
        if not isinstance(result, keras.KerasTensor):
            owner = choice.component if choice else layer.name
            raise self._problem(block, slot, f"{owner} must map one tensor to one tensor")
        return result

    def _unconstrained(self, made: list[Any], block: Block) -> tuple[str, ...]:
        reached = self.constrained.get(block.name)
        return () if reached is None else tuple(unconstrained(made, reached))

    def _chosen(self, block: Block, slot: str) -> tuple[str | int, ...]:
        """Return the path at which the recipe sets a slot: in the block, or for the whole network."""
        path = (*block.path, slot)
        inherited = self.recipe.origin.locate(path) is self.recipe.origin.locate(block.path)
        return (self.plan.role, slot) if inherited else path

    def _broken(self, block: Block, slot: str, choice: Choice, made: Any) -> RecipeError:
        expected = KINDS[choice.component.kind].returns
        return self._problem(block, slot, f"{choice.component} must return {expected}, and returned {made!r:.100}")

    def _problem(self, block: Block, slot: str, message: str) -> RecipeError:
        return RecipeError([Problem(self.recipe.mark(self._chosen(block, slot)), _key(block.path, slot), message)])


def as_layers(made: Any) -> list[Any] | None:
    """Return a factory's result as a list of layers, or None if it is no layer and no sequence of layers."""
    if isinstance(made, keras.Layer):
        return [made]
    if isinstance(made, Sequence) and all(isinstance(layer, keras.Layer) for layer in made):
        return list(made)
    return None


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


def _numbered(order: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each slot with its name: the second ``activation`` of a block has the name ``activation_2``."""
    for index, slot in enumerate(order):
        count = order[: index + 1].count(slot)
        yield slot, slot if count == 1 else f"{slot}_{count}"


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _key(path: tuple[str | int, ...], slot: str) -> str:
    return ".".join(map(str, (*path, slot)))
