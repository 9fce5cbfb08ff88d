"""The lint of first weights: kernels that start at 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from dcgan_kit.networks.constraints import CONVOLUTIONS
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.network import JOIN, Network, Part
from dcgan_kit.networks.reparametrization import Reparametrization

INITIALIZERS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")
"""Attributes of Keras layers that draw first kernels."""


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
                    yield part.path, f"{names} start at 0, and no shortcut leads around them: they never change"


def _behind(network: Network, index: int) -> Iterator[int]:
    """Yield the parts that see only what a part returns, up to the joins with other ways."""
    for number, taker in enumerate(network.parts):
        if index in taker.inputs and taker.kind != JOIN:
            yield number
            yield from _behind(network, number)


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
