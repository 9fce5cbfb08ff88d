"""Every key of the two networks and of their blocks, declared once; see ``key_declarations.py``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from dcgan_kit.recipes.section_types import SlotValue, Strict

_NAME = r"^[a-z][a-z0-9]{2,29}$"


def _name(value: str) -> str:
    if re.match(_NAME, value):
        return value
    raise ValueError("must have 3 to 30 small letters and digits, a letter first")


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": _NAME})]
"""What a stage may be called. Parts of a stage add their slot with an underscore, so a name has none."""
Filters = Annotated[int, Field(ge=1, le=16384)]


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
