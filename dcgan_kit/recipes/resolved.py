"""Resolved recipes: every component is chosen, and every option and default is filled in.

The classes inherit the keys of ``key_declarations.py`` and declare only those whose type differs here: the value of
a slot is the chosen component.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, InstanceOf

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.guard import guarded
from dcgan_kit.errors import ComponentError, Mark, Problem, RecipeError
from dcgan_kit.recipes import key_declarations
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import OVERRIDE, Node

Role = Literal["generator", "discriminator"]
Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class Choice:
    """A component with its options, ready to be built.

    Attributes:
        component: the chosen component.
        options: every option with its value. An option that is itself a component has a ``Choice`` or None.
        path: the place in the recipe that chooses it.
    """

    component: Component
    options: Mapping[str, Any]
    path: tuple[str | int, ...] = field(default=(), compare=False)

    def build(self, context: Any = None) -> Any:
        """Call the factory.

        Raises:
            ComponentError: the factory raised; the message names the component and its owner.
        """
        built = {
            name: value.build_later() if isinstance(value, Choice) else value for name, value in self.options.items()
        }
        # Programs read standard output, so text that a plugin's factory prints goes to standard error.
        with guarded(self.component, "its factory", refusing=ComponentError), redirect_stdout(sys.stderr):
            return self.component.build(context, built)

    def build_later(self) -> Any:
        """Return a function that takes the context and builds this choice."""
        return self.build


def _height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True)
class BlockItem:
    """One item of a block's order: a slot with its component.

    Attributes:
        slot: the slot, which is also the kind of the component.
        choice: the component; None if the slot is empty, and for ``reshape``.
        filters: channels that this item returns; None: as many as its block.
        own: whether the order gives it options of its own.
        path: the place in the recipe: of the item if it has own options, else of the block's slot.
    """

    slot: str
    choice: Choice | None
    filters: int | None = None
    own: bool = False
    path: tuple[str | int, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ShortcutPlan:
    """The second way through a block, from its input to its output.

    Attributes:
        order: its items; None: the block's resampling, then a 1x1 convolution where channels differ.
        join: how both ways become one.
        scale: factor of what the join returns.
        path: its place in the recipe.
    """

    order: tuple[BlockItem, ...] | None
    join: Literal["add", "concatenate"]
    scale: float
    path: tuple[str | int, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Block:
    """One block of a network: ``input``, ``stage1``, …, ``output``.

    Attributes:
        name: name of the block; the names of its layers begin with it.
        path: its place in the recipe.
        filters: number of channels that it returns; None: the same as its input.
        order: its items in the order in which they are applied.
        slots: the component in each slot, without the options that single items have.
        initializer: draws the initial kernels.
        constraint: constrains the kernels, or None.
        bias: whether its convolutions and dense layers learn a bias.
        repeat: how often it comes in a row; only the first one resamples.
        shortcut: the second way through it, or None.
    """

    name: str
    path: tuple[str | int, ...]
    filters: int | None
    order: tuple[BlockItem, ...]
    slots: Mapping[str, Choice]
    initializer: Choice
    constraint: Choice | None
    bias: bool
    repeat: int = 1
    shortcut: ShortcutPlan | None = None

    @property
    def slot_order(self) -> tuple[str, ...]:
        """The names of the slots in its order."""
        return tuple(item.slot for item in self.order)


@dataclass(frozen=True)
class NetworkPlan:
    """A network as the recipe describes it: its blocks from input to output."""

    role: Role
    blocks: tuple[Block, ...]


class ImagePlan(key_declarations.Image):
    """The images that the generator makes."""

    size: Annotated[tuple[int, int], BeforeValidator(_height_and_width)]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.size[0]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.size[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return (*self.size, self.channels)

    @property
    def spec(self) -> ImageSpec:
        """The argument for components of kind ``data``."""
        return ImageSpec(self.height, self.width, self.channels)


class NetworkTraining(key_declarations.TrainingOfNetwork):
    """How one network is trained. It includes the keys that ``training`` has for both networks."""

    optimizer: InstanceOf[Choice]
    schedule: InstanceOf[Choice] | None
    l2: float
    orthogonal: float


class EvaluationPlan(key_declarations.Evaluation):
    """When and how samples are compared with real images."""

    extractor: InstanceOf[Choice] | None
    scores: tuple[InstanceOf[Choice], ...]


class ProbingPlan(key_declarations.Probing):
    """When probes run, and which."""

    probes: tuple[InstanceOf[Choice], ...]


class TrainingPlan(key_declarations.Course, key_declarations.Steps):
    """How the recipe trains: every key of ``training``, except the keys for both networks."""

    loss: InstanceOf[Choice]
    class_loss: InstanceOf[Choice] | None
    penalty: InstanceOf[Choice] | None
    augmentation: InstanceOf[Choice] | None
    generator: NetworkTraining
    discriminator: NetworkTraining
    evaluation: EvaluationPlan
    probing: ProbingPlan


class ResolvedRecipe(key_declarations.Recipe):
    """A whole recipe, which cannot be changed: every key of the recipe language, and these attributes.

    Attributes:
        name: name of the recipe: the shipped name, or the file's stem.
        extends: always None, because the parents are merged already.
        generator: blocks of the generator, each with the values that it inherits from the network.
        discriminator: blocks of the discriminator, each with the values that it inherits from the network.
        origin: the merged text with its places.
    """

    name: str
    extends: None
    image: ImagePlan
    latent: InstanceOf[Choice]
    # The types differ from the parent class: defaults of a network are resolved into its blocks, and training keys for
    # both networks into those of each network.
    generator: InstanceOf[NetworkPlan]  # type: ignore[assignment]
    discriminator: InstanceOf[NetworkPlan]  # type: ignore[assignment]
    data: InstanceOf[Choice]
    training: TrainingPlan  # type: ignore[assignment]
    origin: InstanceOf[Node] = Field(repr=False)

    # Options are mappings, which cannot be hashed.
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Return whether two recipes are the same, apart from the places of their texts."""
        if not isinstance(other, ResolvedRecipe):
            return NotImplemented
        keys = type(self).model_fields.keys() - {"origin"}
        return all(getattr(self, key) == getattr(other, key) for key in keys)

    @property
    def classes(self) -> int | None:
        """Number of classes; None if the recipe has no condition.

        Raises:
            RecipeError: the number is ``auto``, and nobody has counted the classes of the data yet.
        """
        if self.condition is None:
            return None
        if self.condition.classes == "auto":
            path = ("condition", "classes")
            message = "auto needs the labels of the data; write the number of classes"
            raise RecipeError([Problem(self.mark(path), ".".join(path), message)])
        return self.condition.classes

    def with_classes(self, classes: int) -> ResolvedRecipe:
        """Return the recipe with a number of classes in the place of ``auto``."""
        assert self.condition is not None
        return self.model_copy(update={"condition": self.condition.model_copy(update={"classes": classes})})

    @property
    def latent_size(self) -> int:
        """The size of a latent vector."""
        return int(self.latent.options["size"])

    def mark(self, path: tuple[str | int, ...], *related: tuple[str | int, ...]) -> Mark:
        """Return the place in the recipe's text of a path, or of the nearest node above it.

        If an override changed a part of the value, the place is that override, because the value was valid before.

        Args:
            path: path of a value. It may be a slot that a block inherits from its network, or that a network inherits
                from training.
            related: paths of other keys that affect the value. The place is at one of them if an override changed that
                key, or if the recipe's own text sets it and only a parent sets the value.
        """
        found = next((node for way in _ways(path) if (node := self.origin.find(way))), None)
        place, own = (found or self.origin.locate(path)).place, self.origin.mark.source
        others = [node for other in related if (node := self.origin.find(other))]
        setting = [node.first_from(OVERRIDE) for node in ([found] if found else []) + others]
        if place.source != own:
            setting += [node.first_from(own) for node in others]
        return next((node.place for node in setting if node), place)


def _ways(path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    """Return the path, and the path from which a slot there is inherited."""
    if path[:1] == ("training",) and path[1:2] in (("generator",), ("discriminator",)):
        return [path, ("training", *path[2:])]
    below = path[3:] if path[1:2] == ("stages",) else path[2:]
    return [path, (path[0], *below)] if below and below[0] in SLOT_KEYS else [path]
