"""Every key of a recipe, declared once: its type, range, default and meaning.

The resolved recipe (``resolved.py``) inherits these classes. So a new plain key needs only one declaration here to be
checked, resolved, written and documented. ``slot_resolver.py`` chooses components. The keys of the two networks are
declared in ``network_declarations.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dcgan_kit.recipes.network_declarations import Discriminator, Generator
from dcgan_kit.recipes.section_types import ComponentsOf, Several, SlotValue, Strict, WrittenIfSet, section_in


def _whole(value: Any) -> Any:
    if type(value) is int:
        return value
    # In Python, True and 1.0 equal 1, so a Literal alone would accept them.
    raise ValueError("must be 1")


Side = Annotated[int, Field(ge=1, le=4096)]
Every = Annotated[int, Field(ge=1, le=10_000_000)]


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
    patience: Annotated[int | None, WrittenIfSet()] = Field(
        None,
        ge=1,
        le=100_000,
        description="training ends when so many evaluations in a row have no better value of metric, which must be a "
        "number of a score; null: it does not",
    )


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
    start_from: Annotated[str | None, WrittenIfSet()] = Field(
        None,
        min_length=1,
        max_length=4096,
        description="a run folder, or one of its checkpoint files: before the first step, both networks take the "
        "weights whose path, shape and type fit; null: all weights are initial ones",
    )
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
        description="of matrix products and convolutions; weights stay float32. auto: float32 or mixed_bfloat16, "
        "whichever is measured to be faster",
    )
    xla: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether XLA compiles the step; auto: on a single GPU if it is measured to be faster, and on TPUs",
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


def sections(section: type[Strict] = Recipe) -> Iterator[type[Strict]]:
    """Yield a section and every section inside it."""
    yield section
    for field in section.model_fields.values():
        inner = section_in(field.annotation)
        if inner is not None:
            yield from sections(inner)
