"""The optimizer step: the replicas' gradients are added up, regularized, clipped and given to the optimizer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.adam_update import correct_bias_once
from dcgan_kit.adversarial.orthogonality import overlap_gradients, regularized_kernels
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.training_components import Parts
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.networks.keras_internals import leave_gradients_alone
from dcgan_kit.networks.reparametrization import updated_after
from dcgan_kit.recipes.resolved import NetworkTraining, ResolvedRecipe, Role

SMALLEST_SCALE = 2.0**-10
"""The loss scale never falls below this. Gradients that overflow even here count as not finite, and the step reports
it."""
GOOD_STEPS = 2000
"""After this many steps without overflow, mixed_float16 doubles its loss scale (Micikevicius 2018, 1710.03740)."""
RAMP = 9.0
"""After t steps, the average takes a share of at least RAMP / (RAMP + 1 + t) from the generator. So the decay is at
most (1 + t) / (10 + t), as in tf.train.ExponentialMovingAverage with ``num_updates``."""


class OptimizerStep:
    """Updates the weights of both networks.

    Args:
        recipe: the recipe to train.
        state: the training state that it updates.
        parts: the components of training, with the learning rate schedules.
        devices: the devices that share the batch.
        scaled_loss: whether losses are scaled up, as float16 needs.
    """

    def __init__(
        self, recipe: ResolvedRecipe, state: TrainingState, parts: Parts, devices: Devices, scaled_loss: bool
    ) -> None:
        self.training, self.state, self.parts, self.devices = recipe.training, state, parts, devices
        self.scaled_loss = scaled_loss
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
            # ``move`` adds up the replicas' gradients itself: clipping and L2 need the gradient of the whole batch.
            leave_gradients_alone(optimizer)
            correct_bias_once(optimizer)
        networks = state.networks
        self._models: dict[Role, Any] = {
            "generator": networks.generator.model,
            "discriminator": networks.discriminator.model,
        }
        self._kernels = {role: regularized_kernels(model) for role, model in self._models.items()}
        self._updated_after = {role: updated_after(model) for role, model in self._models.items()}
        self._averaged_updated_after = [] if state.averaged is None else updated_after(state.averaged)

    def scaled(self, loss: Any) -> Any:
        """Return the loss multiplied by the loss scale, if losses are scaled."""
        return loss * self.state.loss_scale[0] if self.scaled_loss else loss

    def prepare(self, role: Role) -> bool:
        """Clip the weights of one network, if the recipe says so, before an update; return whether it does."""
        return self._clip_weights(role, "before")

    def _clip_weights(self, role: Role, when: str) -> bool:
        own: NetworkTraining = getattr(self.training, role)
        limit = own.weight_clip
        if limit is None or own.weight_clip_when != when:
            return False

        def clip(strategy: Any) -> None:
            for variable in self._models[role].trainable_variables:
                strategy.extended.update(
                    variable.value, lambda v: v.assign(tf.clip_by_value(v, -limit, limit)), group=False
                )

        tf.distribute.get_replica_context().merge_call(clip)
        return True

    def move(self, role: Role, gradients: list[Any]) -> tuple[Any, Any, Any]:
        """Update the weights of one network, and what belongs to them.

        With mixed_float16, a gradient that is not finite changes nothing. It does not count as an update while a
        smaller loss scale may still help.

        Returns:
            The norm of the gradient before clipping, 0 without an update; the number of updates, 1 or 0; whether the
            gradient is finite.
        """
        own: NetworkTraining = getattr(self.training, role)
        weights = self._models[role].trainable_variables
        if self.devices.replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if self.scaled_loss:
            gradients = [g / self.state.loss_scale[0] for g in gradients]
        if own.l2 > 0:
            gradients = [g + own.l2 * w.value for g, w in zip(gradients, weights, strict=True)]
        if own.orthogonal > 0:
            overlaps = overlap_gradients(self._kernels[role], [w.value for w in weights])
            pairs = zip(gradients, overlaps, strict=True)
            gradients = [g if more is None else g + own.orthogonal * more for g, more in pairs]
        norm = tf.linalg.global_norm(gradients)
        if own.clip_value is not None:
            gradients = [tf.clip_by_value(g, -own.clip_value, own.clip_value) for g in gradients]
        if own.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, own.clip_norm)
        if not self.scaled_loss:
            self._apply(role, gradients)
            return norm, 1.0, tf.constant(True)
        return self._apply_unless_overflown(role, gradients, norm)

    def _apply(self, role: Role, gradients: list[Any]) -> None:
        self.state.optimizer(role).apply(gradients, self._models[role].trainable_variables)
        self._clip_weights(role, "after")
        for layer in self._updated_after[role]:
            layer.after_update()

    def _apply_unless_overflown(self, role: Role, gradients: list[Any], norm: Any) -> tuple[Any, Any, Any]:
        finite = tf.math.is_finite(norm)
        own = [variable for layer in self._updated_after[role] for variable in layer.non_trainable_variables]
        changed = (*self._models[role].trainable_variables, *self.state.optimizer(role).variables, *own)
        moved = [variable.value for variable in changed]
        before = [tf.identity(variable) for variable in moved]
        with tf.control_dependencies(before):
            self._apply(role, gradients)

        def keep(strategy: Any, finite: Any, *before: Any) -> None:
            for variable, old in zip(moved, before, strict=True):
                strategy.extended.update(
                    variable, lambda v, old, ok: v.assign(tf.where(ok, v, old)), args=(old, finite), group=False
                )

        tf.distribute.get_replica_context().merge_call(keep, args=(finite, *before))
        counts = finite | (self.state.loss_scale[0] <= SMALLEST_SCALE)
        return tf.where(counts, norm, 0.0), tf.cast(counts, tf.float32), finite

    def rescale(self, finite: list[Any]) -> None:
        """Halve the loss scale after a step with an overflow; double it after ``GOOD_STEPS`` steps without one."""
        if not self.scaled_loss:
            return
        scale, good = self.state.loss_scale[0], self.state.loss_scale[1] + 1.0
        grown = tf.where(good >= GOOD_STEPS, tf.stack([scale * 2.0, 0.0]), tf.stack([scale, good]))
        halved = tf.stack([tf.maximum(scale / 2.0, SMALLEST_SCALE), 0.0])
        self.state.loss_scale.assign(tf.where(tf.reduce_all(tf.stack(finite)), grown, halved))

    def set_rates(self, step: Any) -> None:
        """Set both learning rates for a step; called once for all replicas."""
        schedules = (self.parts.generator_schedule, self.parts.discriminator_schedule)
        optimizers = (self.state.generator_optimizer, self.state.discriminator_optimizer)
        for optimizer, rate, schedule in zip(optimizers, self.state.rates, schedules, strict=True):
            if rate is not None:
                factor = 1.0 if schedule is None else schedule(tf.cast(step, tf.float32), self.training.steps)
                optimizer.learning_rate = rate * factor * self.state.rate_scale

    def average(self, step: Any) -> None:
        """Move the averaged generator a little towards the generator; called once for all replicas.

        Args:
            step: number of steps done before, int64. With the recipe it determines the decay, so that a resumed run
                continues exactly.
        """
        averaged, generator = self.state.averaged, self.state.networks.generator.model
        if averaged is None:
            return
        share: Any = 1.0 - self.training.ema
        if self.training.ema_ramp:
            share = tf.maximum(tf.constant(share, tf.float32), RAMP / (RAMP + 1.0 + tf.cast(step, tf.float32)))
        for average, current in zip(averaged.weights, generator.weights, strict=True):
            self.devices.strategy.extended.update(
                average.value, lambda a, c: a.assign_add(share * (c - a)), args=(current.value,), group=False
            )
        # Averages of vectors that belong to kernels do not belong to the average of the kernels.
        for layer in self._averaged_updated_after:
            layer.after_update()
