"""Lints of first weights: kernels that start at 0, or so large that each layer multiplies its features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from dcgan_kit.networks.activation_lints import keeps_zero
from dcgan_kit.networks.constraints import CONVOLUTIONS
from dcgan_kit.networks.keras_internals import sublayers
from dcgan_kit.networks.kernels import kernels_of
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.network import JOIN, Network, Part
from dcgan_kit.networks.reparametrization import Reparametrization
from dcgan_kit.networks.side_inputs import side_inputs

LINEAR_KINDS = frozenset({"convolution", "downsample", "normalization", "reshape", "upsample"})
"""Kinds of components that map zeros to zeros at first."""
LARGEST_DRAWN = 2**16
"""Numbers of a kernel that are drawn to see how large they are."""
INITIALIZERS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")
"""Attributes of Keras layers that draw first kernels."""
LARGEST_GAIN = 10.0
"""Factor of one layer from which first weights are too large: three such layers multiply features by 1,000."""


@lint_rule(
    "Behind a kernel that starts at 0 the features are 0, and in front of it the gradient is 0: of two such kernels "
    "in a row, neither ever changes. Residual blocks end in one, because their shortcut leads around it "
    "(Zhang et al. 2019, arXiv 1901.09321, section 3)."
)
def zeros_in_a_row(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        zeros = [_starts_at_zero(part) for part in network.parts]
        seen = set()
        for first in (index for index, zero in enumerate(zeros) if zero):
            for second in _behind(network, first):
                part = network.parts[second]
                if zeros[second] and part.path not in seen:
                    seen.add(part.path)
                    names = f"{network.parts[first].name} and {part.name}"
                    yield part.path, f"{names} start at 0, and no shortcut joins between them: neither kernel changes"


@lint_rule(
    "A layer multiplies the deviation of its features by that of its weights times the root of its fan-in. He et al. "
    "keep it near 1; far above, features and gradients explode, or activations saturate (He et al. 2015, "
    "arXiv 1502.01852, section 2.2).",
    lambda path: [(path[0], "initializer"), (*path[:-1], "initializer"), (*path, "initializer")],
)
def large_first_weights(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        for part in network.parts:
            gains = [deviation * math.sqrt(fan_in) for deviation, fan_in in first_kernels(part)]
            if max(gains, default=0.0) >= LARGEST_GAIN:
                yield (
                    part.path,
                    f"{part.name} of the {network.role} starts by multiplying its features by {max(gains):.3g}",
                )


def first_kernels(part: Part) -> Iterator[tuple[float, int]]:
    """Yield deviation and fan-in of each kernel that a part's layers draw.

    Kernels behind a ``Reparametrization`` are left out: they do not run as they were drawn.
    """
    for layer in part.layers:
        for inner in _plain_layers(layer):
            initializers = [drawn for name in INITIALIZERS if (drawn := getattr(inner, name, None)) is not None]
            for kernel, initializer in zip(kernels_of(inner), initializers, strict=False):
                shape = tuple(int(side) for side in kernel.variable.shape)
                deviation = _deviation(initializer, shape)
                if deviation is not None:
                    yield deviation, kernel.fan_in


def _plain_layers(layer: Any) -> Iterator[Any]:
    if isinstance(layer, (*CONVOLUTIONS, keras.layers.Dense)):
        yield layer
    elif not isinstance(layer, Reparametrization):
        for inner in sublayers(layer):
            yield from _plain_layers(inner)


def _deviation(initializer: Any, shape: tuple[int, ...]) -> float | None:
    """Return the root mean square of a first kernel, or None if it cannot be drawn in this shape.

    Of a large kernel, only some entries of the last axis are drawn. With an initializer that divides by the fan-out too
    (Glorot), these are a little larger than all of them.
    """
    *others, last = shape
    some = (*others, max(1, min(last, LARGEST_DRAWN // max(1, math.prod(others)))))
    try:
        return float(np.sqrt(np.square(np.asarray(initializer(some, "float32"), np.float64)).mean()))
    except Exception:
        # A plugin's initializer may fit no kernel on its own; then there is no advice about it.
        return None


def _behind(network: Network, index: int) -> Iterator[int]:
    """Yield the parts behind a part that see zeros while it returns zeros, up to the first fork or join."""
    takers = [number for number, part in enumerate(network.parts) if index in part.inputs]
    if len(takers) != 1 or network.parts[takers[0]].kind == JOIN:
        # What it returns goes several ways, or meets another one: features and gradients pass by the parts that follow.
        return
    yield takers[0]
    if _keeps_zero(network.parts[takers[0]]):
        yield from _behind(network, takers[0])


def _keeps_zero(part: Part) -> bool:
    """Return whether a part surely maps zeros to zeros, before its biases and shifts have learned anything."""
    if any(map(side_inputs, part.layers)):
        return False
    return keeps_zero(part) if part.kind == "activation" else part.kind in LINEAR_KINDS


def _starts_at_zero(part: Part) -> bool:
    """Return whether all features pass a kernel that starts at 0. Inside a model there may be a way around it."""
    held = [layer.layer if isinstance(layer, Reparametrization) else layer for layer in part.layers]
    for layer in held:
        if isinstance(layer, (*CONVOLUTIONS, keras.layers.Dense)):
            shape = (4, 4) if isinstance(layer, keras.layers.Dense) else (2, 2, 4, 4)
            initializers = [getattr(layer, name, None) for name in INITIALIZERS]
            if any(drawn is not None and _is_zero(drawn, shape) for drawn in initializers):
                return True
    return False


def _is_zero(initializer: Any, shape: tuple[int, ...]) -> bool:
    try:
        return not np.any(np.asarray(initializer(shape, "float32")))
    except Exception:
        # A plugin's initializer may fit one shape only; then there is no advice about it.
        return False
