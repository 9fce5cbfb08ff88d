"""The lint of first weights: kernels that start at 0."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.network import JOIN, Network, Part


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
    initializers = (getattr(layer, "kernel_initializer", None) for layer in layers_within(*part.layers))
    return any(drawn is not None and not np.any(np.asarray(drawn((4, 4), "float32"))) for drawn in initializers)
