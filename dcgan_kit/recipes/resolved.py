"""A recipe in which nothing is left open: every component chosen, every option known, every default filled in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Literal

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.guard import guarded
from dcgan_kit.errors import ComponentError, Mark
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


@dataclass(frozen=True)
class NetworkTraining:
    """How one network is trained; see the keys of ``training.generator`` for the meaning of each."""

    optimizer: Choice
    schedule: Choice | None
    updates: int
    clip_norm: float | None
    clip_value: float | None
    l2: float


@dataclass(frozen=True)
class EvaluationPlan:
    """When samples are compared with real images, and how; see the keys of ``training.evaluation``."""

    every: int
    samples: int
    extractor: Choice | None
    scores: tuple[Choice, ...]


@dataclass(frozen=True)
class ProbingPlan:
    """When the networks are measured, and how; see the keys of ``training.probing``."""

    every: int
    probes: tuple[Choice, ...]


@dataclass(frozen=True)
class TrainingPlan:
    """How the recipe trains; see the keys of ``training`` for the meaning of each."""

    steps: int
    batch_size: int
    seed: int
    updates: Literal["simultaneous", "alternating", "in_turn"]
    latents: Literal["shared", "fresh"]
    discriminator_passes: Literal["separate", "concatenated"]
    accumulate: int
    loss: Choice
    penalty: Choice | None
    augmentation: Choice | None
    generator: NetworkTraining
    discriminator: NetworkTraining
    ema: float
    ema_ramp: bool
    precision: Precision
    xla: Literal["auto", "on", "off"]
    fuse: bool
    held_out: float
    log_every: int
    sample_every: int
    checkpoint_every: int
    keep: int
    best_metric: str | None
    best_mode: Literal["lowest", "highest"]
    recover_times: int
    recover_rate: float
    evaluation: EvaluationPlan
    probing: ProbingPlan
    on_disease: Literal["continue", "stop"]
    sample_grid: tuple[int, int]


@dataclass(frozen=True)
class DistributionPlan:
    """The devices that share the work; see the keys of ``distribute`` for the meaning of each."""

    strategy: Literal["auto", "one_device", "mirrored", "multi_worker", "tpu", "parameter_server"]
    synchronized: bool
    cpu_devices: int
    tpu: str | None


@dataclass(frozen=True)
class ResolvedRecipe:
    """A whole recipe, frozen.

    Attributes:
        name: of the recipe: the shipped name, or the file's stem.
        description: one line for people.
        image: size and channels.
        value_range: what the darkest and the brightest pixel are for the networks.
        latent: the law of latent vectors.
        generator: plan of the generator.
        discriminator: plan of the discriminator.
        data: where training images come from.
        training: how it is trained.
        distribution: on which devices.
        silence: lints not to report.
        plugins: plugins needed beyond the components.
        origin: the merged text with its places.
    """

    name: str
    description: str
    image: ImageSpec
    value_range: tuple[float, float]
    latent: Choice
    generator: NetworkPlan
    discriminator: NetworkPlan
    data: Choice
    training: TrainingPlan
    distribution: DistributionPlan
    silence: tuple[str, ...]
    plugins: tuple[str, ...]
    origin: Node = field(compare=False, repr=False)

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
