"""Everything that training moves, and nothing else: the two networks, their optimizers, the average, the step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.networks.building import Networks
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.training.parts import build_optimizer


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds.

    Attributes:
        networks: generator and discriminator.
        averaged: a moving average of the generator, or None where the recipe keeps none.
        generator_optimizer: of the generator.
        discriminator_optimizer: of the discriminator.
        step: steps that are done, an int64 variable.
    """

    networks: Networks
    averaged: Any
    generator_optimizer: Any
    discriminator_optimizer: Any
    step: Any

    @staticmethod
    def create(recipe: ResolvedRecipe, networks: Networks) -> TrainingState:
        """Return the state at step 0 of networks that were just built.

        Raises:
            RecipeError: an optimizer component raised or returned something else.
        """
        generator, discriminator = networks.generator.model, networks.discriminator.model
        # Done in any case: what cannot be copied cannot be saved in the end, which is better known now.
        copy = keras.models.clone_model(generator)
        averaged = None
        if recipe.training.ema > 0:
            averaged = copy
            averaged.set_weights(generator.get_weights())
        optimizers = []
        for choice, model in (
            (recipe.training.generator_optimizer, generator),
            (recipe.training.discriminator_optimizer, discriminator),
        ):
            optimizer = build_optimizer(recipe, choice)
            optimizer.build(model.trainable_variables)
            optimizers.append(optimizer)
        step = tf.Variable(0, dtype=tf.int64, trainable=False)
        return TrainingState(networks, averaged, optimizers[0], optimizers[1], step)

    @property
    def sampled(self) -> Any:
        """The generator that samples are drawn from: the average where there is one."""
        return self.networks.generator.model if self.averaged is None else self.averaged

    def variables(self) -> dict[str, Any]:
        """Every variable by a name that stays the same, states of random layers included.

        tf.train.Checkpoint silently leaves out the random state of Dropout; hence the explicit list.
        """
        named: dict[str, Any] = {"step": self.step}
        groups = {
            "generator": self.networks.generator.model.variables,
            "discriminator": self.networks.discriminator.model.variables,
            "averaged": [] if self.averaged is None else self.averaged.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        for group, variables in groups.items():
            for index, variable in enumerate(variables):
                # Keras numbers what has no name of its own through the whole process; the index tells them apart.
                path = re.sub(r"_\d+(?=[/_]|$)", "", variable.path)
                named[f"{group}/{index:04d}/{path}"] = variable
        return named
