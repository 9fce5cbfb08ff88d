"""Every key of a recipe, declared once: its type, range, default and meaning.

The resolved recipe (``resolved.py``) inherits these classes. So a new plain key needs only one declaration here to be
checked, resolved, written and documented. ``slot_resolver.py`` chooses components.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _slot_mapping(value: Any) -> Any:
    if isinstance(value, str):
        return {"use": value}
    if value is None or isinstance(value, dict):
        return value
    raise ValueError("must be a component: its name, or a mapping with 'use'")


def _present_slot_mapping(value: Any) -> Any:
    if value is None:
        raise ValueError("must be a component: its name, or a mapping with 'use'")
    return _slot_mapping(value)


@dataclass(frozen=True)
class ComponentsOf:
    """Marks a key whose value is a list of components.

    Attributes:
        kind: kind of every component in the list.
    """

    kind: str


SLOT = BeforeValidator(_slot_mapping)
"""Marks a key whose value is a component. The key has the name of the component's kind."""
SlotValue = Annotated[object, SLOT]
"""A component as a recipe writes it: its name, or a mapping with ``use``."""
Several = Annotated[tuple[Annotated[object, BeforeValidator(_present_slot_mapping)], ...], Field(max_length=100)]
"""A list of components as a recipe writes it."""


def _whole(value: Any) -> Any:
    if type(value) is int:
        return value
    # In Python, True and 1.0 equal 1, so a Literal alone would accept them.
    raise ValueError("must be 1")


_NAME = r"^[a-z][a-z0-9]{2,29}$"


def _name(value: str) -> str:
    if re.match(_NAME, value):
        return value
    raise ValueError("must have 3 to 30 small letters and digits, a letter first")


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": _NAME})]
"""What a stage may be called. Parts of a stage add their slot with an underscore, so a name has none."""
Side = Annotated[int, Field(ge=1, le=4096)]
Filters = Annotated[int, Field(ge=1, le=16384)]
Every = Annotated[int, Field(ge=1, le=10_000_000)]


class Strict(BaseModel):
    """A section of a recipe, with strict types and no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Image(Strict):
    """The images that the generator makes."""

    size: Side | tuple[Side, Side] = Field(description="side in pixels, or [height, width]")
    channels: int = Field(ge=1, le=4, description="1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha")
    range: tuple[float, float] = Field(
        (-1.0, 1.0), description="values of the darkest and the brightest pixel in the networks"
    )


Classes = Annotated[int, Field(ge=2, le=100_000)]


class Condition(Strict):
    """The classes of images. Labels of the data tell both networks the class of each image."""

    classes: Literal["auto"] | Classes = Field(
        "auto", description="number of classes; auto: as many as the labels of the data have"
    )
    generated: Literal["data", "uniform"] = Field(
        "data",
        description="classes of generated images in training. data: those of the real images of the batch; uniform: "
        "each class is equally likely",
    )


class OrderItem(Strict):
    """A slot of an ``order`` with options of its own, which are laid over the slot of the block."""

    # ``block_order.py`` knows the slots of each block, and reports all others.
    model_config = ConfigDict(extra="ignore", json_schema_extra={"additionalProperties": False})

    conditioning: SlotValue = Field(None, description="tells the features the class of the image")
    projection: SlotValue = Field(None, description="turns the latent vector into the first map")
    upsample: SlotValue = Field(None, description="makes the map larger")
    downsample: SlotValue = Field(None, description="makes the map smaller")
    convolution: SlotValue = Field(None, description="convolves; `filters` sets the channels of this one")
    normalization: SlotValue = Field(None, description="centres and scales the features")
    activation: SlotValue = Field(None, description="the non-linearity")
    regularizer: SlotValue = Field(None, description="disturbs or enriches the features")
    attention: SlotValue = Field(None, description="lets each pixel or channel look at all of the map")
    head: SlotValue = Field(None, description="turns the last map into one logit")

    @model_validator(mode="before")
    @classmethod
    def _one_slot(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) != 1:
            found = f"has {', '.join(value)}" if value else "is empty"
            raise ValueError(f"must be the name of a slot, or a mapping with one slot as its key; this one {found}")
        return value


Order = Annotated[tuple[str | OrderItem, ...], Field(min_length=1, max_length=30)]


class Shortcut(Strict):
    """The second way through a stage: from what the stage is given to what it returns."""

    order: Order | None = Field(
        None,
        description="slots of the shortcut; default: the stage's resampling, then a 1x1 convolution where channels "
        "differ",
    )
    join: Literal["add", "concatenate"] = Field(
        "add", description="add: the sum of both ways; concatenate: the channels of the stage, then of the shortcut"
    )
    scale: float = Field(1.0, gt=0.0, le=100.0, description="factor of what the join returns")


class _Block(Strict):
    normalization: SlotValue = Field(None, description="centres and scales the block's features")
    activation: SlotValue = Field(None, description="the block's non-linearity")
    regularizer: SlotValue = Field(None, description="disturbs or enriches the block's features")
    initializer: SlotValue = Field(None, description="draws the block's initial kernels")
    constraint: SlotValue = Field(None, description="constrains the block's kernels")
    bias: bool | None = Field(None, description="whether the block's convolutions and dense layers learn a bias")


class _OrderedBlock(_Block):
    order: Order | None = Field(None, description="the block's slots in the order in which they are applied")


class _Stage(_OrderedBlock):
    name: Name | None = Field(
        None, description="name of the stage instead of its number: small letters and digits, from 3 to 30"
    )
    repeat: int = Field(1, ge=1, le=100, description="how often the stage comes in a row; only the first one resamples")
    shortcut: bool | Shortcut | None = Field(
        None, description="a second way from the stage's input to its output; true: with every default"
    )
    filters: Filters | None = Field(
        None, description="channels that the stage returns; default: as many as its input has"
    )
    conditioning: SlotValue = Field(None, description="tells the stage the class of the image")
    attention: SlotValue = Field(None, description="lets each pixel or channel look at all of the map")
    convolution: SlotValue = Field(None, description="changes the number of channels if the resampling does not")


class GeneratorInput(_OrderedBlock):
    """From the latent vector to the first map."""

    conditioning: SlotValue = Field(None, description="tells the first map the class of the image")
    projection: SlotValue = Field(None, description="turns the latent vector into the first map")
    filters: Filters = Field(description="channels of the first map")


class GeneratorStage(_Stage):
    """One stage of the generator."""

    upsample: SlotValue = Field(None, description="makes the map larger")


class GeneratorOutput(_OrderedBlock):
    """From the last map to the image; inherits neither normalization, activation nor regularizer."""

    conditioning: SlotValue = Field(None, description="tells the last map the class of the image")
    upsample: SlotValue = Field(None, description="makes the map larger")
    convolution: SlotValue = Field(None, description="changes the number of channels if the upsampling does not")


class _Network(_Block):
    order: Order | None = Field(None, description="the order of the stages that have none of their own")
    shortcut: bool | Shortcut | None = Field(None, description="the shortcut of the stages that do not set one")


class Generator(_Network):
    """The network that turns latent vectors into images; its own slots are the defaults of its blocks."""

    upsample: SlotValue = Field(None, description="how the stages make their map larger")
    convolution: SlotValue = Field(None, description="changes the number of channels if the upsampling does not")
    input: GeneratorInput = Field(description="from the latent vector to the first map")
    stages: tuple[GeneratorStage, ...] = Field((), max_length=100, description="from the first map to the last but one")
    output: GeneratorOutput = Field(description="from the last map to the image")


class DiscriminatorStage(_Stage):
    """One stage of the discriminator."""

    downsample: SlotValue = Field(None, description="makes the map smaller")


class DiscriminatorOutput(Strict):
    """From the last map to one logit; inherits neither normalization, activation nor regularizer."""

    head: SlotValue = Field(None, description="turns the last map into one logit")
    conditioning: SlotValue = Field(None, description="tells the last map the class of the image")
    normalization: SlotValue = Field(None, description="centres and scales the last map")
    activation: SlotValue = Field(None, description="a non-linearity before the head")
    regularizer: SlotValue = Field(None, description="disturbs or enriches the last map")
    initializer: SlotValue = Field(None, description="draws the block's initial kernels")
    constraint: SlotValue = Field(None, description="constrains the block's kernels")
    bias: bool | None = Field(None, description="whether the head learns a bias")
    order: Order | None = Field(None, description="the block's slots in the order in which they are applied")


class Discriminator(_Network):
    """The network that distinguishes real from generated images; its own slots are the defaults of its blocks."""

    downsample: SlotValue = Field(None, description="how the stages make their map smaller")
    convolution: SlotValue = Field(None, description="changes the number of channels if the downsampling does not")
    stages: tuple[DiscriminatorStage, ...] = Field((), max_length=100, description="from the image to the last map")
    output: DiscriminatorOutput = Field(description="from the last map to one logit")


Updates = Annotated[int, Field(ge=1, le=100)]
Positive = Annotated[float, Field(gt=0.0)]


class TrainingOfNetwork(Strict):
    """Settings of training for one of the two networks."""

    optimizer: SlotValue = Field(None, description="how gradients move the weights of this network")
    schedule: SlotValue = Field(None, description="how this network's learning rate changes with the step")
    updates: Updates = Field(1, description="updates of this network in each step; 1 if updates are simultaneous")
    clip_norm: Positive | None = Field(None, description="largest norm of all gradients of this network together")
    clip_value: Positive | None = Field(None, description="largest absolute value of each gradient of this network")
    l2: Annotated[float, Field(ge=0.0)] | None = Field(
        None, description="this factor times each weight is added to its gradient; default: training.l2"
    )
    orthogonal: Annotated[float, Field(ge=0.0)] | None = Field(
        None,
        description="this factor times the gradient of the kernels' overlap is added to their gradients; default: "
        "training.orthogonal",
    )
    weight_clip: Positive | None = Field(
        None, description="largest absolute value of each trainable weight of this network"
    )
    weight_clip_when: Literal["after", "before"] = Field(
        "after", description="whether weight_clip acts after each update of this network or before it"
    )


class Recovery(Strict):
    """What to do when a number is not finite."""

    times: int = Field(
        0, ge=0, le=100, description="how often training may go back to the last checkpoint; 0: it stops at once"
    )
    rate: float = Field(0.5, gt=0.0, le=1.0, description="factor of both learning rates each time")


class Best(Strict):
    """Which checkpoint is kept permanently in addition to the newest."""

    metric: str | None = Field(
        None,
        description="a number of one of the scores, from the last evaluation; or generator_loss, discriminator_loss, "
        "discriminator_real or discriminator_fake, as mean since the previous checkpoint; null: none is kept for good",
    )
    mode: Literal["lowest", "highest"] = Field("lowest", description="which value is the best")


class Evaluation(Strict):
    """Scores that compare samples with real images during training."""

    every: Every = Field(1000, description="steps between evaluations")
    samples: int = Field(1000, ge=2, le=1_000_000, description="generated images in each evaluation")
    extractor: SlotValue = Field(None, description="turns images into features; null: chosen by the data")
    scores: Annotated[Several, ComponentsOf("score")] = Field(
        (), description="scores that each evaluation computes; none: there are no evaluations"
    )


class Probing(Strict):
    """Probes that run during training."""

    every: Every = Field(100, description="steps between runs of the probes; slow probes wait for an evaluation")
    probes: Annotated[Several, ComponentsOf("probe")] = Field(
        (), description="probes to run; none: there are no readings"
    )


class Steps(Strict):
    """The number of steps, the input of each step, and what it minimizes."""

    steps: int = Field(ge=1, le=100_000_000, description="number of steps of the whole training")
    batch_size: int = Field(64, ge=1, le=65_536, description="images in each update, over all replicas")
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        description="determines the initial weights, the order of the data and all random numbers",
    )
    updates: Literal["simultaneous", "alternating", "in_turn"] = Field(
        "simultaneous",
        description="simultaneous: both networks step from one forward pass; alternating: first D, then G against the "
        "new D; in_turn: each step updates one network, G and then D",
    )
    latents: Literal["shared", "fresh"] = Field(
        "shared", description="whether G's updates see the latent vectors of D's last one or fresh ones"
    )
    discriminator_passes: Literal["separate", "concatenated"] = Field(
        "separate", description="real and generated images go through D one after the other, or as one batch"
    )
    accumulate: int = Field(1, ge=1, le=64, description="equal parts into which a batch is divided, to save memory")
    loss: SlotValue = Field(None, description="what the networks minimize")
    class_loss: SlotValue = Field(
        None, description="what both networks minimize so that an auxiliary classifier finds the right class"
    )
    penalty: SlotValue = Field(None, description="what the discriminator minimizes in addition to its loss")
    augmentation: SlotValue = Field(None, description="a random change of all images that the discriminator sees")


class BothNetworks(Strict):
    """Keys of training that apply to both networks. A resolved recipe has them for each network instead."""

    optimizer: SlotValue = Field(None, description="how gradients move the weights of both networks")
    schedule: SlotValue = Field(
        None, description="how both learning rates change with the step; default: they do not change"
    )
    l2: float = Field(0.0, ge=0.0, description="this factor times each weight is added to its gradient")
    orthogonal: float = Field(
        0.0,
        ge=0.0,
        description="this factor times the gradient of the kernels' overlap is added to their gradients",
    )


class Course(Strict):
    """Settings for each network, and what happens during training."""

    generator: TrainingOfNetwork = Field(TrainingOfNetwork(), description="what differs for the generator")
    discriminator: TrainingOfNetwork = Field(TrainingOfNetwork(), description="what differs for the discriminator")
    ema: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="decay in each step of the averaged generator, which makes the samples; 0: there is no average",
    )
    ema_ramp: bool = Field(
        True,
        description="whether the decay rises, as (1 + t) / (10 + t) after t steps, until it reaches ema: "
        "the average then forgets the initial weights quickly",
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto",
        description="of matrix products and convolutions; weights stay float32. auto: the faster one on the device",
    )
    xla: Literal["auto", "on", "off"] = Field(
        "auto", description="whether XLA compiles the step; auto: on a single GPU and on TPUs"
    )
    fuse: bool = Field(True, description="whether layers are computed together where that is exact and faster")
    held_out: float = Field(0.0, ge=0.0, lt=1.0, description="share of the images that training never sees")
    log_every: Every = Field(50, description="steps between lines of metrics")
    sample_every: Every = Field(500, description="steps between sample grids")
    checkpoint_every: Every = Field(500, description="steps between checkpoints")
    keep: int = Field(2, ge=1, le=1000, description="number of newest checkpoints to keep")
    best: Best = Field(Best(), description="which checkpoint is kept for good in addition to the newest")
    recover: Recovery = Field(Recovery(), description="what to do when a number is no longer finite")
    evaluation: Evaluation = Field(Evaluation(), description="scores of samples during training")
    probing: Probing = Field(Probing(), description="probes of the networks during training")
    on_finding: Literal["continue", "stop"] = Field(
        "continue", description="what training does when a probe reports a finding"
    )
    sample_grid: tuple[Annotated[int, Field(ge=1, le=32)], Annotated[int, Field(ge=1, le=32)]] = Field(
        (8, 8), description="rows and columns of the sample grids"
    )


# Pydantic lists the keys of the last base class first.
class Training(Course, BothNetworks, Steps):
    """How the two networks are trained."""


class Distribute(Strict):
    """The devices that share the work."""

    strategy: Literal["auto", "one_device", "mirrored", "multi_worker", "tpu", "parameter_server"] = Field(
        "auto",
        description="auto: a TPU if there is one, the workers of TF_CONFIG or SLURM, all GPUs of the machine, else one "
        "device",
    )
    synchronized: bool = Field(
        True, description="whether batch normalization takes statistics over the batch of all replicas"
    )
    cpu_devices: int = Field(
        1, ge=1, le=64, description="devices into which the processor is divided, to try mirrored without GPUs"
    )
    tpu: str | None = Field(None, description="name or address of the TPU; default: that of this machine")


class Recipe(Strict):
    """Everything about one GAN: images, latent vectors, both networks, data and training."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="of the recipe language")
    extends: str | None = Field(None, description="a parent: the name of a recipe, or a path relative to this file")
    description: str = Field("", description="one line for people")
    image: Image = Field(description="the images that the generator makes")
    latent: SlotValue = Field(None, description="the distribution that latent vectors are drawn from")
    condition: Condition | None = Field(None, description="the classes of images; null: images have no class")
    generator: Generator = Field(description="the network that turns latent vectors into images")
    discriminator: Discriminator = Field(description="the network that distinguishes real from generated images")
    data: SlotValue = Field(None, description="where training images come from")
    training: Training = Field(description="how the two networks are trained")
    distribute: Distribute = Field(Distribute(), description="the devices that share the work")
    silence: tuple[str, ...] = Field((), description="names of lints that `check` does not report")
    plugins: tuple[str, ...] = Field(
        (), description="plugins that the run needs for their callbacks, in addition to those of its components"
    )


def section_in(annotation: Any) -> type[Strict] | None:
    """Return the section class in a key's type, or in the type of a list's items; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next((found for found in map(section_in, get_args(annotation)) if found), None)


def sections(section: type[Strict] = Recipe) -> Iterator[type[Strict]]:
    """Yield a section and every section inside it."""
    yield section
    for field in section.model_fields.values():
        inner = section_in(field.annotation)
        if inner is not None:
            yield from sections(inner)
