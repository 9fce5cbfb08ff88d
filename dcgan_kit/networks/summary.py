"""What a network costs and sees: a row for each part, totals, and the memory that training needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcgan_kit.components.kinds import Shape
from dcgan_kit.networks.building import Network, Networks
from dcgan_kit.networks.resampling import Flattened, Operation, Pooled, Resize
from dcgan_kit.networks.tracing import Trace, trace

BYTES_PER_NUMBER = 4
"""float32."""


@dataclass(frozen=True)
class Row:
    """One part of a network.

    Attributes:
        name: of the part.
        component: the component's name.
        output_shape: without the batch.
        trainable_parameters: numbers that training moves.
        non_trainable_parameters: numbers that it does not, such as running statistics.
        macs: multiply-accumulates for one image.
        receptive_field: height and width, in pixels of the network's first map, that one number of the output sees;
            None: all of it.
        trace: the operations behind.
    """

    name: str
    component: str
    output_shape: Shape
    trainable_parameters: int
    non_trainable_parameters: int
    macs: int
    receptive_field: tuple[int, int] | None
    trace: Trace


@dataclass(frozen=True)
class Summary:
    """A network's rows and totals."""

    role: str
    rows: tuple[Row, ...]

    @property
    def trainable_parameters(self) -> int:
        """Numbers that training moves."""
        return sum(row.trainable_parameters for row in self.rows)

    @property
    def non_trainable_parameters(self) -> int:
        """Numbers that training does not move, seeds of random layers not counted."""
        return sum(row.non_trainable_parameters for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def activations(self) -> int:
        """Numbers that a forward pass keeps for the backward pass, for one image."""
        return sum(math.prod(row.output_shape) for row in self.rows)


def summarize(network: Network) -> Summary:
    """Return the facts about a network, built or symbolic."""
    traces = [trace(part.layers, part.input_shape) for part in network.parts]
    rows = []
    seen = _Sight()
    for part, traced in zip(network.parts, traces, strict=True):
        if part.kind == "projection":
            # It sees the whole latent vector, whatever it is made of.
            seen = _Sight(everything=True)
        else:
            # The projection's map begins anew: its pixels are what the following layers see.
            seen = (_Sight() if seen.everything and len(part.input_shape) == 3 else seen).through(traced)
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
                receptive_field=None if seen.everything else (seen.size[0], seen.size[1]),
                trace=traced,
            )
        )
    return Summary(network.role, tuple(rows))


def training_memory(networks: Networks, batch_size: int, averaged: bool) -> int:
    """Estimate the bytes that a training step holds.

    Weights, their gradients and two moments of Adam; an averaged generator if there is one; and for each image of the
    batch the activations of G once and of D twice (real and generated), each with its gradient. Work space of the
    convolutions, TensorFlow itself (about 550 MB) and the data set come on top.
    """
    generator, discriminator = summarize(networks.generator), summarize(networks.discriminator)
    weights = 4 * (generator.trainable_parameters + discriminator.trainable_parameters)
    weights += generator.trainable_parameters if averaged else 0
    activations = 2 * batch_size * (generator.activations + 2 * discriminator.activations)
    return BYTES_PER_NUMBER * (weights + activations)


@dataclass(frozen=True)
class _Sight:
    """How far one number of a map sees, and how far apart neighbours look, in pixels of the first map."""

    size: tuple[int, ...] = (1, 1)
    step: tuple[float, ...] = (1.0, 1.0)
    everything: bool = False

    def through(self, traced: Trace) -> _Sight:
        sight = self
        for operation in traced.operations:
            if sight.everything or isinstance(operation, Pooled):
                # What follows weighs patches that were seen one by one.
                return sight
            sight = sight._past(operation)
        return sight

    def _past(self, operation: Operation) -> _Sight:
        if isinstance(operation, Flattened | Pooled):
            return _Sight(everything=True)
        if isinstance(operation, Resize):
            size = [math.ceil(r + (operation.taps - 1) * j) for r, j in zip(self.size, self.step, strict=True)]
            return _Sight(tuple(size), tuple(j / f for j, f in zip(self.step, operation.factor, strict=True)))
        reach = [d * (k - 1) for k, d in zip(operation.size, operation.dilation, strict=True)]
        if operation.transposed:
            taps = [math.ceil((r + 1) / s) for r, s in zip(reach, operation.stride, strict=True)]
            size = [math.ceil(r + (t - 1) * j) for r, t, j in zip(self.size, taps, self.step, strict=True)]
            return _Sight(tuple(size), tuple(j / s for j, s in zip(self.step, operation.stride, strict=True)))
        size = [math.ceil(r + k * j) for r, k, j in zip(self.size, reach, self.step, strict=True)]
        return _Sight(tuple(size), tuple(j * s for j, s in zip(self.step, operation.stride, strict=True)))
