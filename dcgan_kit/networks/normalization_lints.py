"""Lints of normalization layers, and of constraints of weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from dcgan_kit.errors import counted
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.network import JOIN, Network, Part

SMALL_BATCH = 16
"""Wu, He 2018 (arXiv 1803.08494), figure 1: the error of batch norm rises steeply below 16 images."""


@lint_rule(
    "Batch norm on the generator's output makes samples oscillate and training unstable "
    "(Radford et al. 2015, arXiv 1511.06434, section 3)."
)
def normalization_on_generator_output(context: LintContext) -> Results:
    output = [part for part in context.networks.generator.parts if part.block == "output"]
    for index, part in enumerate(output):
        # A normalization before the last convolution is that of the last hidden map.
        weights = [weight for before in output[:index] for layer in before.layers for weight in layer.weights]
        convolved = any(len(weight.shape) > 1 for weight in weights)
        if part.kind == "normalization" and convolved:
            yield part.path, f"{part.component} normalization on the generator's output"


@lint_rule(
    "Batch norm on the discriminator's input hides the statistics that distinguish real images from generated ones "
    "(Radford et al. 2015, arXiv 1511.06434, section 3)."
)
def normalization_on_discriminator_input(context: LintContext) -> Results:
    for part in context.networks.discriminator.parts:
        first = context.recipe.discriminator.blocks[0].name
        if part.kind == "normalization" and part.block in (first, f"{first}.1"):
            yield part.path, f"{part.component} normalization in the discriminator's first stage"


@lint_rule(
    "Batch norm subtracts the mean, and a bias before it with the mean: it costs parameters and does nothing "
    "(Ioffe, Szegedy 2015, arXiv 1502.03167, section 3.2).",
    lambda path: [(path[0], "bias"), (*path[:-1], "bias")],
)
def bias_before_batch_normalization(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        for index, part in enumerate(network.parts):
            # What attention returns is no sum with its biases.
            after = _normalizations_after(network, index) if part.kind != "attention" and _biased(part) else []
            if after:
                named = after[0].name
                yield part.path, f"a bias in {part.name} before batch normalization in {named}; set bias: false"


@lint_rule(
    "A batch-norm scale drawn around 0 silences or flips half of the features at the start; published models draw it "
    "around 1 (Radford et al. 2015, authors' code)."
)
def batch_scale_near_zero(context: LintContext) -> Results:
    for _, part, _ in context.parts():
        for layer in _batch_norms(part):
            initializer = getattr(layer, "gamma_initializer", None)
            if layer.scale and initializer is not None:
                drawn = np.asarray(initializer((1024,), "float32"))
                if abs(float(drawn.mean())) < 0.1:
                    yield part.path, f"the scale starts with mean {drawn.mean():.2f} and deviation {drawn.std():.2f}"


@lint_rule(
    "Spectral normalization bounds how steep the discriminator is by the product over all its kernels: if it leaves "
    "one out, there is no bound (Miyato et al. 2018, arXiv 1802.05957, section 2.1)."
)
def unconstrained_kernel(context: LintContext) -> Results:
    for _, part, _ in context.parts():
        if part.unconstrained:
            named = ", ".join(part.unconstrained)
            yield part.path, f"the block's constraint does not reach {named} in {part.component}"


@lint_rule(
    "Batch norm estimates mean and variance from the batch; below 16 images its error rises steeply "
    "(Wu, He 2018, arXiv 1803.08494)."
)
def small_batch(context: LintContext) -> Results:
    batch = context.recipe.training.batch_size
    if batch < SMALL_BATCH and any(_batch_norms(part) for _, part, _ in context.parts()):
        few = counted(batch, "image")
        yield ("training", "batch_size"), f"{few} a batch for batch normalization; take {SMALL_BATCH} or more"


def _normalizations_after(network: Network, index: int) -> list[Part]:
    """Return the batch normalizations that take what a part returns, also through joins; empty if others take it too.

    The bias before a shortcut matters if one of its ways reaches the output without batch normalization.
    """
    found = []
    for number, taker in enumerate(network.parts):
        if index in taker.inputs:
            after = [taker] if _batch_norms(taker) else []
            if taker.kind == JOIN:
                after = _normalizations_after(network, number)
            if not after:
                return []
            found += after
    return found


def _biased(part: Part) -> bool:
    return any(getattr(layer, "use_bias", False) for layer in layers_within(*part.layers))


def _batch_norms(part: Part) -> list[Any]:
    return [layer for layer in layers_within(*part.layers) if isinstance(layer, keras.layers.BatchNormalization)]
