"""Summary of a network: cost and receptive field of each part, totals, and the memory that training needs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dcgan_kit.components.kinds import Shape
from dcgan_kit.networks.network import Network, Networks, Part
from dcgan_kit.networks.receptive_field import ReceptiveField
from dcgan_kit.networks.trace import Trace, trace

BYTES_PER_NUMBER = 4
"""float32."""


@dataclass(frozen=True)
class Row:
    """One part of a network.

    Attributes:
        name: name of the part.
        component: name of the component.
        output_shape: shape of its output without the batch dimension.
        trainable_parameters: number of trainable parameters.
        non_trainable_parameters: number of other parameters, such as moving statistics.
        macs: multiply-accumulates for one image.
        receptive_field: height and width, in pixels of the network's first map, of the largest rectangle that one
            number of the output sees; None: the whole map.
        trace: its operations.
    """

    name: str
    component: str
    output_shape: Shape
    trainable_parameters: int
    non_trainable_parameters: int
    macs: int
    receptive_field: tuple[int, int] | None
    trace: Trace

    @property
    def block(self) -> str:
        """Name of the block that contains it; of a repeated stage with the number of its copy: ``stage2.1``."""
        return self.name.partition("_")[0]

    @property
    def parameters(self) -> int:
        """Number of all parameters."""
        return self.trainable_parameters + self.non_trainable_parameters


@dataclass(frozen=True)
class Summary:
    """A network's rows and totals."""

    role: str
    rows: tuple[Row, ...]

    @property
    def trainable_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(row.trainable_parameters for row in self.rows)

    @property
    def non_trainable_parameters(self) -> int:
        """Number of other parameters, without the seeds of random layers."""
        return sum(row.non_trainable_parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def activations(self) -> int:
        """Number of values that a forward pass keeps for the backward pass, for one image."""
        return sum(math.prod(row.output_shape) + row.trace.products for row in self.rows)

    def folded(self) -> tuple[tuple[Row, int], ...]:
        """Return rows, each with the number of copies of its stage that it stands for: copies in a row that are alike.

        Copies are alike if all but their numbers and receptive fields is.
        """
        groups: list[tuple[list[Row], int]] = []
        for _, found in groupby(self.rows, lambda row: row.block):
            copy = list(found)
            before, count = groups[-1] if groups else ([], 0)
            if list(map(_kept, before)) == list(map(_kept, copy)):
                groups[-1] = (before, count + 1)
            else:
                groups.append((copy, 1))
        return tuple((row, count) for copy, count in groups for row in copy)


def _kept(row: Row) -> tuple[Any, ...]:
    """Return what must be equal in two copies of a stage; ``stage2.3_activation`` counts as ``stage2_activation``."""
    name = re.sub(r"\.\d+_", "_", row.name, count=1)
    return name, row.component, row.output_shape, row.trainable_parameters, row.non_trainable_parameters, row.macs


@dataclass(frozen=True)
class RecipeSummary:
    """Both networks of a recipe.

    Attributes:
        generator: summary of the generator.
        discriminator: summary of the discriminator.
        training_memory: estimated memory of a training step in bytes, without TensorFlow itself and the data set.
    """

    generator: Summary
    discriminator: Summary
    training_memory: int


def summarize(network: Network) -> Summary:
    """Return the summary of a network, built or symbolic."""
    rows = []
    # The fields of the network's input, then of each part's output: all that it sees, and without statistics of maps.
    fields = [_fields_of(network.parts[0].input_shape)] if network.parts else []
    for part in network.parts:
        seen, local = zip(*(fields[index + 1] for index in part.inputs), strict=True)
        traced = trace(part.layers, _input_shapes(network, part), seen, local, network.side_shapes)
        if part.kind == "projection":
            # A projection sees the whole latent vector. Later receptive fields are relative to its map.
            found, widest = _fields_of(part.output_shape), None
        else:
            assert traced.field is not None
            assert traced.local_field is not None
            found, widest = (traced.field, traced.local_field), traced.field.widest
            widest = None if widest == traced.field.sides else widest
        fields.append(found)
        weights = {id(v): v for layer in part.layers for v in layer.trainable_weights}
        fixed = {id(v): v for layer in part.layers for v in layer.non_trainable_weights}
        rows.append(
            Row(
                name=part.name,
                component=part.component,
                output_shape=part.output_shape,
                trainable_parameters=sum(math.prod(v.shape) for v in weights.values()),
                non_trainable_parameters=sum(math.prod(v.shape) for v in fixed.values()),
                macs=traced.macs,
                receptive_field=widest,
                trace=traced,
            )
        )
    return Summary(network.role, tuple(rows))


def _input_shapes(network: Network, part: Part) -> list[Shape]:
    """Return the shape of each input of a part."""
    shapes = [network.parts[0].input_shape, *(each.output_shape for each in network.parts)]
    return [shapes[index + 1] for index in part.inputs]


def _fields_of(shape: Shape) -> tuple[ReceptiveField, ReceptiveField]:
    field = ReceptiveField.of_map(*shape[:2]) if len(shape) == 3 else ReceptiveField.of_everything(1 + len(shape))
    return field, field


def training_memory(networks: Networks, batch_size: int, averaged: bool) -> int:
    """Estimate the memory of a training step in bytes.

    It counts the weights, their gradients and two moments of Adam; the averaged generator if there is one; and for each
    image of the batch the activations of G once and of D twice (real and generated), each with its gradient. It does
    not count the workspace of the convolutions, TensorFlow itself (about 550 MB) and the data set.
    """
    generator, discriminator = summarize(networks.generator), summarize(networks.discriminator)
    weights = 4 * (generator.trainable_parameters + discriminator.trainable_parameters)
    weights += generator.trainable_parameters if averaged else 0
    activations = 2 * batch_size * (generator.activations + 2 * discriminator.activations)
    return BYTES_PER_NUMBER * (weights + activations)
