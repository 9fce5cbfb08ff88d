"""The shape of a recipe: its keys, their types, ranges and meanings. Components are checked elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _slot_mapping(value: Any) -> Any:
    if isinstance(value, str):
        return {"use": value}
    if value is None or isinstance(value, dict):
        return value
    raise ValueError("must be a component: its name, or a mapping with 'use'")


Chosen = Annotated[dict[str, Any] | None, BeforeValidator(_slot_mapping)]
"""A component: its name, or a mapping with ``use``. The key is called like the kind."""


def _whole(value: Any) -> Any:
    if type(value) is int:
        return value
    # Python holds that true and 1.0 equal 1, and so would the Literal.
    raise ValueError("must be 1")


Side = Annotated[int, Field(ge=1, le=4096)]
Filters = Annotated[int, Field(ge=1, le=16384)]
Order = Annotated[tuple[str, ...], Field(min_length=1, max_length=30)]
Every = Annotated[int, Field(ge=1, le=10_000_000)]


class Strict(BaseModel):
    """Strict types and no key that is not here."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Image(Strict):
    """The images that the generator makes."""

    size: Side | tuple[Side, Side] = Field(description="side in pixels, or [height, width]")
    channels: int = Field(ge=1, le=4, description="1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha")
    range: tuple[float, float] = Field(
        (-1.0, 1.0), description="what the darkest and the brightest pixel are for the networks"
    )


class _Block(Strict):
    normalization: Chosen = Field(None, description="centres and scales the block's features")
    activation: Chosen = Field(None, description="the block's non-linearity")
    regularizer: Chosen = Field(None, description="disturbs or enriches the block's features")
    initializer: Chosen = Field(None, description="draws the block's first kernels")
    constraint: Chosen = Field(None, description="constrains the block's kernels")
    bias: bool | None = Field(None, description="whether the block's convolutions and dense layers learn a bias")


class _OrderedBlock(_Block):
    order: Order | None = Field(None, description="the block's slots in the order in which they are applied")


class GeneratorInput(_OrderedBlock):
    """From the latent vector to the first map."""

    projection: Chosen = Field(None, description="turns the latent vector into the first map")
    filters: Filters = Field(description="channels of the first map")


class GeneratorStage(_OrderedBlock):
    """One stage of the generator."""

    filters: Filters | None = Field(
        None, description="channels that the stage returns; default: as many as it is given"
    )
    upsample: Chosen = Field(None, description="makes the map larger")
    convolution: Chosen = Field(None, description="changes the channels where the up-sampling keeps them")


class GeneratorOutput(_OrderedBlock):
    """From the last map to the image; inherits neither normalization nor activation."""

    upsample: Chosen = Field(None, description="makes the map larger")
    convolution: Chosen = Field(None, description="changes the channels where the up-sampling keeps them")


class Generator(_Block):
    """The network that turns latent vectors into images; its own slots are defaults of its blocks."""

    upsample: Chosen = Field(None, description="how the stages make their map larger")
    convolution: Chosen = Field(None, description="changes channels where an up-sampling keeps them")
    input: GeneratorInput = Field(description="from the latent vector to the first map")
    stages: tuple[GeneratorStage, ...] = Field((), max_length=100, description="from the first map to the last but one")
    output: GeneratorOutput = Field(description="from the last map to the image")


class DiscriminatorStage(_OrderedBlock):
    """One stage of the discriminator."""

    filters: Filters | None = Field(
        None, description="channels that the stage returns; default: as many as it is given"
    )
    downsample: Chosen = Field(None, description="makes the map smaller")
    convolution: Chosen = Field(None, description="changes the channels where the down-sampling keeps them")


class DiscriminatorOutput(Strict):
    """From the last map to one logit."""

    head: Chosen = Field(None, description="turns the last map into one logit")
    regularizer: Chosen = Field(None, description="disturbs or enriches the last map")
    initializer: Chosen = Field(None, description="draws the block's first kernels")
    constraint: Chosen = Field(None, description="constrains the block's kernels")
    bias: bool | None = Field(None, description="whether the head learns a bias")
    order: Order | None = Field(None, description="the block's slots in the order in which they are applied")


class Discriminator(_Block):
    """The network that tells images from generated ones; its own slots are defaults of its blocks."""

    downsample: Chosen = Field(None, description="how the stages make their map smaller")
    convolution: Chosen = Field(None, description="changes channels where a down-sampling keeps them")
    stages: tuple[DiscriminatorStage, ...] = Field((), max_length=100, description="from the image to the last map")
    output: DiscriminatorOutput = Field(description="from the last map to one logit")


class TrainingOfNetwork(Strict):
    """What training does differently for one of the two networks."""

    optimizer: Chosen = Field(None, description="how gradients move the weights of this network")


class Training(Strict):
    """How the two networks are trained."""

    steps: int = Field(ge=1, le=100_000_000, description="updates of the generator")
    batch_size: int = Field(64, ge=1, le=65_536, description="images a step")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="decides first weights, order of data and latent vectors")
    updates: Literal["simultaneous", "alternating"] = Field(
        "simultaneous",
        description="simultaneous: both networks step from one forward pass; "
        "alternating: first D, then G against the new D",
    )
    loss: Chosen = Field(None, description="what the networks minimize")
    optimizer: Chosen = Field(None, description="how gradients move the weights of both networks")
    generator: TrainingOfNetwork = Field(TrainingOfNetwork(), description="what differs for the generator")
    discriminator: TrainingOfNetwork = Field(TrainingOfNetwork(), description="what differs for the discriminator")
    ema: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="decay a step of the averaged generator that samples are drawn from; 0: no average is kept",
    )
    log_every: Every = Field(50, description="steps between lines of metrics")
    sample_every: Every = Field(500, description="steps between sample grids")
    checkpoint_every: Every = Field(500, description="steps between checkpoints")
    sample_grid: tuple[Annotated[int, Field(ge=1, le=32)], Annotated[int, Field(ge=1, le=32)]] = Field(
        (8, 8), description="rows and columns of the sample grids"
    )
    missing: tuple[str, ...] = Field(
        (),
        description="what the published training does and this version cannot do; "
        "`train` refuses while the list has items",
    )


class Recipe(Strict):
    """Everything about one GAN: images, latent vectors, both networks, data and training."""

    version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(description="of the recipe language")
    extends: str | None = Field(None, description="a parent: the name of a recipe, or a path relative to this file")
    description: str = Field("", description="one line for people")
    image: Image = Field(description="the images that the generator makes")
    latent: Chosen = Field(None, description="the law that latent vectors are drawn from")
    generator: Generator = Field(description="the network that turns latent vectors into images")
    discriminator: Discriminator = Field(description="the network that tells images from generated ones")
    data: Chosen = Field(None, description="where training images come from")
    training: Training = Field(description="how the two networks are trained")
    silence: tuple[str, ...] = Field((), description="names of lints that `check` is not to report")
    plugins: tuple[str, ...] = Field((), description="plugins that the run needs beyond its components, for callbacks")
