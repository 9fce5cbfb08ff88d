"""A recipe in which nothing is left open: every component chosen, every option known, every default filled in.

The classes inherit the keys of ``model.py`` and name only those that mean more here than in the text: a slot holds the
component that was chosen.
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
from dcgan_kit.errors import ComponentError, Mark
from dcgan_kit.recipes import model
from dcgan_kit.recipes.keys import SLOT_KEYS
from dcgan_kit.recipes.nodes import OVERRIDE, Node

Role = Literal["generator", "discriminator"]
Precision = Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"]


@dataclass(frozen=True)
class Choice:
    """A component with its options, ready to be built.

    Attributes:
        component: what was chosen.
        options: every option with its value; options that are components themselves hold a ``Choice`` or None.
        path: where in the recipe it was chosen.
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
        # Standard output is for programs that read it; what a stranger's factory prints goes to people.
        with guarded(self.component, "its factory", refusing=ComponentError), redirect_stdout(sys.stderr):
            return self.component.build(context, built)

    def build_later(self) -> Any:
        """Return a function of the context that builds this choice."""
        return self.build


def _height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True)
class Block:
    """One block of a network: ``input``, ``stage1``, …, ``output``.

    Attributes:
        name: of the block; layers are called after it.
        path: where in the recipe it stands.
        filters: channels that it returns; None: as many as it is given.
        order: its slots in the order in which they are applied.
        slots: what fills them.
        initializer: draws its kernels.
        constraint: constrains its kernels, or None.
        bias: whether its convolutions and dense layers learn a bias.
    """

    name: str
    path: tuple[str | int, ...]
    filters: int | None
    order: tuple[str, ...]
    slots: Mapping[str, Choice]
    initializer: Choice
    constraint: Choice | None
    bias: bool


@dataclass(frozen=True)
class NetworkPlan:
    """A network as the recipe describes it: its blocks from input to output."""

    role: Role
    blocks: tuple[Block, ...]


class ImagePlan(model.Image):
    """The images that the generator makes."""

    size: Annotated[tuple[int, int], BeforeValidator(_height_and_width)]

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.size[0]

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.size[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return (*self.size, self.channels)

    @property
    def spec(self) -> ImageSpec:
        """What components of kind ``data`` are given."""
        return ImageSpec(self.height, self.width, self.channels)


class NetworkTraining(model.TrainingOfNetwork):
    """How one network is trained; what ``training`` says for both networks is said here."""

    optimizer: InstanceOf[Choice]
    schedule: InstanceOf[Choice] | None
    l2: float


class EvaluationPlan(model.Evaluation):
    """When samples are compared with real images, and how."""

    extractor: InstanceOf[Choice] | None
    scores: tuple[InstanceOf[Choice], ...]


class ProbingPlan(model.Probing):
    """When the networks are measured, and how."""

    probes: tuple[InstanceOf[Choice], ...]


class TrainingPlan(model.Course, model.Steps):
    """How the recipe trains: every key of ``training`` but those that it says for both networks."""

    loss: InstanceOf[Choice]
    penalty: InstanceOf[Choice] | None
    augmentation: InstanceOf[Choice] | None
    generator: NetworkTraining
    discriminator: NetworkTraining
    evaluation: EvaluationPlan
    probing: ProbingPlan


class ResolvedRecipe(model.Recipe):
    """A whole recipe, frozen: every key of the recipe language, and what follows.

    Attributes:
        name: of the recipe: the shipped name, or the file's stem.
        extends: None: the parents are merged.
        generator: its blocks, each with what it takes from the network.
        discriminator: its blocks, each with what it takes from the network.
        origin: the merged text with its places.
    """

    name: str
    extends: None
    image: ImagePlan
    latent: InstanceOf[Choice]
    # A text's network is defaults of its blocks, and its training has keys for both networks: none of them is left.
    generator: InstanceOf[NetworkPlan]  # type: ignore[assignment]
    discriminator: InstanceOf[NetworkPlan]  # type: ignore[assignment]
    data: InstanceOf[Choice]
    training: TrainingPlan  # type: ignore[assignment]
    origin: InstanceOf[Node] = Field(repr=False)

    # Options are mappings, which have no hash.
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether two recipes mean the same, wherever their texts stand."""
        if not isinstance(other, ResolvedRecipe):
            return NotImplemented
        keys = type(self).model_fields.keys() - {"origin"}
        return all(getattr(self, key) == getattr(other, key) for key in keys)

    @property
    def latent_size(self) -> int:
        """Numbers in a latent vector."""
        return int(self.latent.options["size"])

    def mark(self, path: tuple[str | int, ...], *related: tuple[str | int, ...]) -> Mark:
        """Where in the recipe's text a path, or the nearest thing above it, stands.

        An override that says a part of what is there is the place: what it changed was right.

        Args:
            path: of a value; a slot may be one that a block inherits from its network, or a network from training.
            related: what decides the value too. The place is there if an override, or the recipe's own text over a
                parent's, says something there, and nothing on the path.
        """
        found = next((node for way in _ways(path) if (node := self.origin.find(way))), None)
        place, own = (found or self.origin.locate(path)).place, self.origin.mark.source
        others = [node for other in related if (node := self.origin.find(other))]
        saying = [node.said_by(OVERRIDE) for node in ([found] if found else []) + others]
        if place.source != own:
            saying += [node.said_by(own) for node in others]
        return next((node.place for node in saying if node), place)


def _ways(path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    """The path, and the one that a slot there is inherited from."""
    if path[:1] == ("training",) and path[1:2] in (("generator",), ("discriminator",)):
        return [path, ("training", *path[2:])]
    below = path[3:] if path[1:2] == ("stages",) else path[2:]
    return [path, (path[0], *below)] if below and below[0] in SLOT_KEYS else [path]
