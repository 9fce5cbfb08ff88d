"""The keys of a recipe whose value is a component, and the rules by which blocks inherit them."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.recipes import key_declarations, section_types

SLOT_KEYS = frozenset(
    key
    for section in key_declarations.sections()
    for key, field in section.model_fields.items()
    if section_types.SLOT in field.metadata
)
"""Keys whose value is a component. Each key has the name of the component's kind."""

RESAMPLING = ("upsample", "downsample")
"""Slots whose components change the size of the map."""
LIST_KEYS = {
    key: mark.kind
    for section in key_declarations.sections()
    for key, field in section.model_fields.items()
    for mark in field.metadata
    if isinstance(mark, section_types.ComponentsOf)
}
"""Keys whose value is a list of components → their kind."""
WRITTEN_IF_SET = frozenset(
    key
    for section in key_declarations.sections()
    for key, field in section.model_fields.items()
    if any(isinstance(mark, section_types.WrittenIfSet) for mark in field.metadata)
)
"""Keys that a resolved recipe leaves out if their value is None."""


@dataclass(frozen=True)
class BlockRule:
    """The rules for one type of block.

    Attributes:
        slots: the slots that ``order`` may name.
        order: the default order.
        required: slots that must have a component if the order names them.
        essential: slots that every order must name.
        inherited: slots that the block takes from the network if it does not set them.
    """

    slots: tuple[str, ...]
    order: tuple[str, ...]
    required: frozenset[str]
    inherited: frozenset[str]
    essential: frozenset[str] = frozenset()


GENERATOR_INPUT = BlockRule(
    slots=("conditioning", "projection", "reshape", "normalization", "activation", "regularizer"),
    order=("conditioning", "projection", "reshape", "normalization", "activation", "regularizer"),
    required=frozenset({"projection", "activation"}),
    inherited=frozenset({"normalization", "activation", "regularizer"}),
    essential=frozenset({"projection"}),
)
GENERATOR_STAGE = BlockRule(
    slots=("conditioning", "upsample", "convolution", "normalization", "activation", "regularizer", "attention"),
    order=("conditioning", "upsample", "normalization", "activation", "regularizer", "attention"),
    required=frozenset({"upsample", "convolution", "activation"}),
    inherited=frozenset({"upsample", "convolution", "normalization", "activation", "regularizer"}),
)
GENERATOR_OUTPUT = BlockRule(
    slots=("conditioning", "upsample", "convolution", "normalization", "activation", "regularizer"),
    order=("conditioning", "upsample", "normalization", "activation", "regularizer"),
    required=frozenset({"upsample", "convolution", "activation"}),
    # The output is no hidden layer: Radford et al. 2015 use no batch norm there, and end with tanh.
    inherited=frozenset({"upsample", "convolution"}),
)
DISCRIMINATOR_STAGE = BlockRule(
    slots=("conditioning", "downsample", "convolution", "normalization", "activation", "regularizer", "attention"),
    order=("conditioning", "downsample", "normalization", "activation", "regularizer", "attention"),
    required=frozenset({"downsample", "convolution", "activation"}),
    inherited=frozenset({"downsample", "convolution", "normalization", "activation", "regularizer"}),
)
DISCRIMINATOR_OUTPUT = BlockRule(
    slots=("conditioning", "normalization", "activation", "regularizer", "head"),
    order=("conditioning", "normalization", "activation", "regularizer", "head"),
    required=frozenset({"head"}),
    inherited=frozenset(),
    essential=frozenset({"head"}),
)
