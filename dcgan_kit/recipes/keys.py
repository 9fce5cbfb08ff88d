"""Which keys of a recipe hold a component, and how blocks inherit them."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.recipes import model

SLOT_KEYS = frozenset(
    key for section in model.sections() for key, field in section.model_fields.items() if model.SLOT in field.metadata
)
"""Keys whose value is a component; each is named like the kind of the component."""

LIST_KEYS = {
    key: mark.kind
    for section in model.sections()
    for key, field in section.model_fields.items()
    for mark in field.metadata
    if isinstance(mark, model.ComponentsOf)
}
"""Keys whose value is a list of components → their kind."""


@dataclass(frozen=True)
class BlockRule:
    """What one sort of block is made of.

    Attributes:
        slots: the slots that its order may name.
        order: the order where the recipe gives none.
        required: slots that must hold a component when the order names them.
        essential: slots that every order must name.
        inherited: slots that are taken from the network where the block does not fill them.
    """

    slots: tuple[str, ...]
    order: tuple[str, ...]
    required: frozenset[str]
    inherited: frozenset[str]
    essential: frozenset[str] = frozenset()


GENERATOR_INPUT = BlockRule(
    slots=("projection", "reshape", "normalization", "activation", "regularizer"),
    order=("projection", "reshape", "normalization", "activation", "regularizer"),
    required=frozenset({"projection", "activation"}),
    inherited=frozenset({"normalization", "activation", "regularizer"}),
    essential=frozenset({"projection"}),
)
GENERATOR_STAGE = BlockRule(
    slots=("upsample", "convolution", "normalization", "activation", "regularizer"),
    order=("upsample", "normalization", "activation", "regularizer"),
    required=frozenset({"upsample", "convolution", "activation"}),
    inherited=frozenset({"upsample", "convolution", "normalization", "activation", "regularizer"}),
)
GENERATOR_OUTPUT = BlockRule(
    slots=("upsample", "convolution", "normalization", "activation", "regularizer"),
    order=("upsample", "normalization", "activation", "regularizer"),
    required=frozenset({"upsample", "convolution", "activation"}),
    # The output is no hidden layer: Radford et al. 2015 leave batch norm out there and end in tanh.
    inherited=frozenset({"upsample", "convolution"}),
)
DISCRIMINATOR_STAGE = BlockRule(
    slots=("downsample", "convolution", "normalization", "activation", "regularizer"),
    order=("downsample", "normalization", "activation", "regularizer"),
    required=frozenset({"downsample", "convolution", "activation"}),
    inherited=frozenset({"downsample", "convolution", "normalization", "activation", "regularizer"}),
)
DISCRIMINATOR_OUTPUT = BlockRule(
    slots=("regularizer", "head"),
    order=("regularizer", "head"),
    required=frozenset({"head"}),
    inherited=frozenset(),
    essential=frozenset({"head"}),
)
