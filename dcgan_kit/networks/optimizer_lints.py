"""Lints of what moves the weights: step sizes, layers that no optimizer moves, averages, losses without a bound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from dcgan_kit.networks.constraints import CONSTRAINED
from dcgan_kit.networks.initializer_lints import first_kernels
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.reparametrization import Reparametrization

LARGEST_STEP = 0.2
"""Share of its first deviation that a weight may move in one step: after five steps nothing of it need be left."""
SMALLEST_WAY = 0.01
"""Share of its first deviation that a weight must be able to move in the whole training."""
STEP_OF_ADAM = (
    keras.optimizers.Adam,
    keras.optimizers.Adamax,
    keras.optimizers.Lion,
    keras.optimizers.Nadam,
    keras.optimizers.RMSprop,
)
"""Optimizers that divide by the size of the gradient: a weight moves by about the learning rate. AdamW is an Adam."""
SHARE_OF_FIRST = 0.1
"""Share of the first weights that an averaged generator may keep until the end."""


@lint_rule(
    "Optimizers like Adam move each weight by about the learning rate in a step (Kingma, Ba 2014, arXiv 1412.6980, "
    "section 2.1). If that is as much as the first weights differ, a few steps erase them; if all steps together are "
    "far less, the network stays as it was drawn.",
    lambda path: [(*path, "learning_rate")],
)
def step_size(context: LintContext) -> Results:
    training = context.recipe.training
    for network, own in (
        (context.networks.generator, training.generator),
        (context.networks.discriminator, training.discriminator),
    ):
        optimizer = own.optimizer.build()
        deviations = [deviation for part in network.parts for deviation, _ in first_kernels(part) if deviation > 0.0]
        if not isinstance(optimizer, STEP_OF_ADAM) or not deviations:
            continue
        rate, typical = float(np.asarray(optimizer.learning_rate)), float(np.median(deviations))
        beginning = f"learning rate {rate:g}: the first weights of the {network.role} deviate by {typical:.2g}, and"
        if rate >= LARGEST_STEP * typical:
            yield own.optimizer.path, f"{beginning} one step moves each by {100 * rate / typical:.0f} % of that"
        elif rate * own.updates * training.steps <= SMALLEST_WAY * typical:
            most = 100 * rate * own.updates * training.steps / typical
            yield own.optimizer.path, f"{beginning} all steps together move each by {most:.2g} % of that at most"


@lint_rule(
    "No optimizer moves a layer whose attribute trainable is false. Programs that switch D off while G learns can "
    "leave it off; dcgan-kit moves one network at a time without it, and published models freeze no layer "
    "(keras.io, guide Transfer learning & fine-tuning)."
)
def frozen_layer(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        for part in network.parts:
            frozen = [layer for layer in layers_within(*part.layers) if isinstance(layer, CONSTRAINED)]
            if any(not layer.trainable for layer in frozen):
                yield part.path, f"{part.name} of the {network.role} is not trainable: its kernel stays as it was drawn"


@lint_rule(
    "Without ema_ramp an averaged generator starts at the first weights, and decay^steps of them remain at the end; "
    "samples then show an untrained network (on averages: Yazici et al. 2018, arXiv 1806.04498)."
)
def slow_average(context: LintContext) -> Results:
    training = context.recipe.training
    left = training.ema**training.steps if training.ema > 0.0 and not training.ema_ramp else 0.0
    if left >= SHARE_OF_FIRST:
        yield (
            ("training", "ema"),
            f"after {training.steps} steps {100 * left:.0f} % of the averaged generator are its first weights; "
            "take a smaller decay, more steps, or ema_ramp: true",
        )


@lint_rule(
    "A Wasserstein loss falls without end as logits grow, so something must bound how steep the discriminator is: a "
    "gradient penalty, a weight clip, or a constraint (Arjovsky et al. 2017, arXiv 1701.07875, section 3)."
)
def unbounded_loss(context: LintContext) -> Results:
    recipe = context.recipe
    restrained = recipe.training.penalty is not None or recipe.training.discriminator.weight_clip is not None
    layers = [layer for part in context.networks.discriminator.parts for layer in layers_within(*part.layers)]
    if restrained or any(isinstance(layer, Reparametrization) for layer in layers):
        return
    losses = list(_losses_of_apart(recipe.training.loss, (10.0, 100.0, 1000.0)))
    falls = [before - after for before, after in pairwise(losses)]
    # A loss that falls ten times as far over ten times the distance is linear, and has no lowest value.
    if falls and falls[0] > 1.0 and math.isclose(falls[1], 10.0 * falls[0], rel_tol=1e-2):
        yield (
            recipe.training.loss.path,
            "D's loss has no lowest value, and nothing bounds D: no penalty, clip, constraint",
        )


def _losses_of_apart(choice: Any, distances: tuple[float, ...]) -> Iterator[float]:
    """Yield D's loss if real and generated images lie this far apart; nothing for a loss that draws random labels."""
    loss = choice.build()
    for distance in distances:
        logits = keras.ops.convert_to_tensor([[0.5 * distance]]), keras.ops.convert_to_tensor([[-0.5 * distance]])
        try:
            value = loss.discriminator(*logits, None)
        except Exception:
            # Without a random stream, a loss of random labels fails; then there is no advice about it.
            return
        yield float(value)
