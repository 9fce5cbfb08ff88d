"""The training state: all that training changes, that is networks, optimizers, averages and a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.dry_run import copy_of, rate_of
from dcgan_kit.adversarial.step_metrics import nothing
from dcgan_kit.adversarial.training_components import Parts, build_optimizer
from dcgan_kit.networks.network import Networks
from dcgan_kit.networks.variable_path import path_of
from dcgan_kit.recipes.resolved import ResolvedRecipe, Role

FIRST_LOSS_SCALE = 2.0**15
"""Initial loss scale of mixed_float16: it keeps small gradients from becoming zero. It halves at every overflow
(Micikevicius 2018, 1710.03740)."""


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds.

    Attributes:
        networks: generator and discriminator.
        averaged: a moving average of the generator, including batch normalization's statistics; None if the recipe
            keeps none.
        generator_optimizer: optimizer of the generator.
        discriminator_optimizer: optimizer of the discriminator.
        rates: the recipe's learning rates of both optimizers, G's first; None for an optimizer with its own schedule.
        step: number of steps done so far, an int64 variable.
        rate_scale: factor of both learning rates; each recovery lowers it.
        recoveries: number of times that training went back to a checkpoint.
        logged: the step of the latest line of metrics, an int64 variable.
        unlogged: sums and counts of the metrics of all steps since ``logged``, float64 (2, metrics).
        judged: (sum, number of steps) of the loss that judges checkpoints, since the last judged one, float32.
        augmentation: state of the augmentation, float32 (n,); its first number is the probability.
        loss_scale: (scale, steps since it changed), float32; only mixed_float16 uses it.
    """

    networks: Networks
    averaged: Any
    generator_optimizer: Any
    discriminator_optimizer: Any
    rates: tuple[float | None, float | None]
    step: Any
    rate_scale: Any
    recoveries: Any
    logged: Any
    unlogged: Any
    judged: Any
    augmentation: Any
    loss_scale: Any

    @staticmethod
    def create(recipe: ResolvedRecipe, networks: Networks, parts: Parts) -> TrainingState:
        """Return the state of newly built networks at step 0; call it in the strategy scope that built them.

        Raises:
            RecipeError: an optimizer component raised or returned something else.
        """
        training = recipe.training
        generator, discriminator = networks.generator.model, networks.discriminator.model
        # Always copy: a generator that cannot be copied could not be saved at the end, and the user should know now.
        copy = copy_of(generator)
        averaged = None
        if training.ema > 0:
            averaged = copy
            averaged.set_weights(generator.get_weights())
        optimizers = []
        for own, model in ((training.generator, generator), (training.discriminator, discriminator)):
            optimizer = build_optimizer(recipe, own.optimizer)
            optimizer.build(model.trainable_variables)
            optimizers.append(optimizer)
        augmentation = parts.augmentation.state if parts.augmentation else (0.0,)
        return TrainingState(
            networks=networks,
            averaged=averaged,
            generator_optimizer=optimizers[0],
            discriminator_optimizer=optimizers[1],
            rates=(rate_of(optimizers[0]), rate_of(optimizers[1])),
            step=_variable(0, tf.int64),
            rate_scale=_variable(1.0, tf.float32),
            recoveries=_variable(0, tf.int64),
            logged=_variable(0, tf.int64),
            unlogged=_variable(nothing(), tf.float64),
            judged=_variable((0.0, 0.0), tf.float32),
            augmentation=_variable(augmentation, tf.float32),
            loss_scale=_variable((FIRST_LOSS_SCALE, 0.0), tf.float32),
        )

    def optimizer(self, role: Role) -> Any:
        """Return the optimizer of one network."""
        return self.generator_optimizer if role == "generator" else self.discriminator_optimizer

    @property
    def sampled(self) -> Any:
        """The generator that makes samples: the average if there is one."""
        return self.networks.generator.model if self.averaged is None else self.averaged

    def variables(self) -> dict[str, Any]:
        """Return every variable, including states of random layers, by a name that is the same in every process.

        The list is explicit because tf.train.Checkpoint silently leaves out the random state of Dropout.
        """
        named: dict[str, Any] = {
            "step": self.step,
            "rate_scale": self.rate_scale,
            "recoveries": self.recoveries,
            "logged": self.logged,
            "unlogged": self.unlogged,
            "judged": self.judged,
            "augmentation": self.augmentation,
            "loss_scale": self.loss_scale,
        }
        groups = {
            "generator": self.networks.generator.model.variables,
            "discriminator": self.networks.discriminator.model.variables,
            "averaged": [] if self.averaged is None else self.averaged.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        for group, variables in groups.items():
            named.update(variables_by_name(group, variables))
        return named

    @property
    def steps_done(self) -> int:
        """``step`` as a Python integer."""
        return int(np.asarray(self.step))

    def values(self) -> dict[str, np.ndarray]:
        """Return the value of every variable by its name."""
        return {name: np.asarray(variable) for name, variable in self.variables().items()}

    def assign(self, values: dict[str, Any]) -> None:
        """Set every variable to its value in what ``values`` returned."""
        for name, variable in self.variables().items():
            variable.assign(values[name])


def variables_by_name(group: str, variables: Sequence[Any]) -> dict[str, Any]:
    """Return variables of Keras by names that are the same in every process: ``group/0000/layer/kernel``."""
    # The index keeps the names different.
    return {f"{group}/{index:04d}/{path_of(variable)}": variable for index, variable in enumerate(variables)}


def _variable(value: Any, dtype: Any) -> Any:
    # Every replica computes the same number, so the first one is enough.
    return tf.Variable(value, dtype=dtype, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
