"""The stages of a network, as a picture shows them: what each one does, its branches, copies and side inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from dcgan_kit.components.kinds import Shape
from dcgan_kit.errors import counted
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.network import BUILDER, INPUT, JOIN, Network, Part
from dcgan_kit.networks.part_builder import times
from dcgan_kit.networks.side_inputs import LABEL, side_inputs
from dcgan_kit.networks.summary import Row, Summary
from dcgan_kit.recipes.resolved import Block, NetworkPlan

WITH_KERNEL = ("projection", "upsample", "convolution", "downsample", "head")
"""Kinds whose kernel size is written."""


@dataclass(frozen=True)
class Step:
    """One part of a stage.

    Attributes:
        kind: its kind.
        text: its component, with the size of its kernel: ``conv 3x3``.
        sides: what it takes besides the features: ``class`` or ``latent``.
    """

    kind: str
    text: str
    sides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One stage, or several equal copies of it in a row.

    Attributes:
        name: its name.
        copies: how many copies it stands for.
        shape: shape of what it returns.
        steps: what it does, in order; without its shortcut.
        shortcut: what its shortcut does, in order; None if it has none.
        join: what joins both ways; None if it has no shortcut.
        parameters: number of parameters of one copy.
        constraint: name of the constraint of its kernels; empty if there is none.
    """

    name: str
    copies: int
    shape: Shape
    steps: tuple[Step, ...]
    shortcut: tuple[Step, ...] | None = None
    join: Step | None = None
    parameters: int = 0
    constraint: str = ""

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """What it does on both ways, and the join."""
        return (*self.steps, *(self.shortcut or ()), *(() if self.join is None else (self.join,)))

    def sentence(self) -> str:
        """Describe it, for readers who cannot see it."""
        way = ", ".join(step.text for step in self.steps) or "nothing"
        if self.join is not None:
            short = ", ".join(step.text for step in self.shortcut or ()) or "the input as it is"
            way = f"{way}; shortcut: {short}; then {self.join.text}"
        copies = f" x {self.copies}" if self.copies > 1 else ""
        sides = dict.fromkeys(side for step in self.all_steps for side in step.sides)
        taken = f" It takes the {' and the '.join(sides)}." if sides else ""
        return f"{self.name}{copies}: {way}; returns {times(self.shape)}.{taken}"


@dataclass(frozen=True)
class StagedNetwork:
    """A network as its stages.

    Attributes:
        role: which network it is.
        input: what it takes.
        input_shape: the shape of that.
        stages: its stages, from input to output.
        size: its parameters, as text.
    """

    role: str
    input: str
    input_shape: Shape
    stages: tuple[Stage, ...]
    size: str


def staged(network: Network, summary: Summary, plan: NetworkPlan, unfold: bool = False) -> StagedNetwork:
    """Return the stages of a network.

    Args:
        network: the network, built or symbolic.
        summary: its summary.
        plan: the network as the recipe describes it.
        unfold: return each copy of a repeated stage, instead of one for copies that are alike.
    """
    rows = [(row, 1) for row in summary.rows] if unfold else summary.folded()
    places = {part.name: place for place, part in enumerate(network.parts)}
    blocks = {block.name: block for block in plan.blocks}
    stages = []
    for name, found in groupby(rows, lambda pair: pair[0].block):
        group = list(found)
        parts = {places[row.name]: network.parts[places[row.name]] for row, _ in group}
        stages.append(_stage(parts, group, blocks[name.partition(".")[0]]))
    size = (
        f"{counted(summary.trainable_parameters, 'trainable parameter')} and {summary.non_trainable_parameters:,} other"
    )
    taken = "latent" if network.role == "generator" else "image"
    return StagedNetwork(network.role, taken, network.parts[0].input_shape, tuple(stages), size)


def _stage(parts: Mapping[int, Part], group: Sequence[tuple[Row, int]], block: Block) -> Stage:
    first, copies = group[0]
    name = block.name if copies == block.repeat else first.block
    join = next((part for part in parts.values() if part.kind == JOIN), None)
    short = [] if join is None else sorted(_way(parts, join.inputs[1], join.inputs[0]))
    main = [place for place, part in parts.items() if place not in short and part is not join]
    last = list(parts.values())[-1]
    return Stage(
        name=name,
        copies=copies,
        shape=last.output_shape,
        steps=tuple(_steps([parts[place] for place in main], last.output_shape)),
        shortcut=None if join is None else tuple(_steps([parts[place] for place in short], last.output_shape)),
        join=None if join is None else Step(JOIN, _joined(join)),
        parameters=sum(row.parameters for row, _ in group),
        constraint="" if block.constraint is None else block.constraint.component.name,
    )


def _way(parts: Mapping[int, Part], place: int, other: int) -> Iterator[int]:
    """Yield the parts on a way back through a stage, to its start or to the end of its other way."""
    others = {other}
    while other != INPUT and other in parts:
        other = parts[other].inputs[0]
        others.add(other)
    while place not in others and place in parts:
        yield place
        place = parts[place].inputs[0]


def _steps(parts: Sequence[Part], returned: Shape) -> Iterator[Step]:
    # Widths are written only in a stage that goes through another one than it returns.
    widths = {part.output_shape[-1] for part in parts if part.kind in WITH_KERNEL and len(part.output_shape) == 3}
    for part in parts:
        changes = len(part.output_shape) == 3 and part.output_shape[-1] != part.input_shape[-1]
        width = f" to {part.output_shape[-1]}" if widths - {returned[-1]} and changes else ""
        named = dict.fromkeys(name for layer in part.layers for name in side_inputs(layer))
        sides = tuple("class" if name == LABEL else name for name in named)
        component = "conv" if part.component == BUILDER else part.component
        yield Step(part.kind, f"{component}{_kernel(part)}{width}", sides)


def _kernel(part: Part) -> str:
    """Return the size of the part's kernel, as ``" 3x3"``; empty if it has none or several."""
    if part.kind not in WITH_KERNEL:
        return ""
    sizes = {getattr(layer, "kernel_size", None) for layer in layers_within(*part.layers)} - {None}
    size = sizes.pop() if len(sizes) == 1 else None
    return f" {times(size)}" if isinstance(size, tuple) and len(size) == 2 else ""


def _joined(join: Part) -> str:
    scale = next((layer.scale for layer in join.layers[1:]), 1.0)
    return join.component if scale == 1.0 else f"{join.component} x {scale:.4g}"
