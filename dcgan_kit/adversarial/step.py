"""The adversarial step: how a batch of real images updates the weights of both networks."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.discriminator_pass import DiscriminatorPass
from dcgan_kit.adversarial.generated_images import GeneratedImages, weight_tape
from dcgan_kit.adversarial.gradient_sum import gradient_sum
from dcgan_kit.adversarial.layer_seeds import LayerSeeds
from dcgan_kit.adversarial.optimizer_step import OptimizerStep
from dcgan_kit.adversarial.replica_inputs import ReplicaInputs
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step_metrics import Tally
from dcgan_kit.adversarial.step_tap import QUIET, StepTap
from dcgan_kit.adversarial.training_components import Parts, depends_on_real
from dcgan_kit.adversarial.update_schedule import Update, Updates, UpdateSchedule
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.errors import ComponentError
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.recipes.resolved import ResolvedRecipe, Role

ROLES: tuple[Role, Role] = ("generator", "discriminator")
Gradients = dict[Role, list[Any]]
Scalars = dict[str, Any]


class AdversarialStep:
    """The step of a recipe.

    Args:
        recipe: the recipe to train.
        state: the training state that the step updates.
        parts: losses, penalty, augmentation, schedules, latent vectors.
        devices: the devices that share the batch.
        scaled_loss: whether losses are scaled up, as float16 needs.
    """

    def __init__(
        self, recipe: ResolvedRecipe, state: TrainingState, parts: Parts, devices: Devices, scaled_loss: bool = False
    ) -> None:
        self.recipe, self.training, self.devices = recipe, recipe.training, devices
        self.state, self.parts = state, parts
        networks = state.networks
        self.models: dict[Role, Any] = {r: getattr(networks, r).model for r in ROLES}
        self.weights = {role: [v.value for v in model.trainable_variables] for role, model in self.models.items()}
        self.schedule = UpdateSchedule.of(recipe.training, parts.penalty.every if parts.penalty else 0)
        generator, discriminator = (_forward(model, recipe, devices) for model in self.models.values())
        self.generator = generator
        self.discriminator = DiscriminatorPass(recipe, state, parts, devices, discriminator)
        self.optimizer_step = OptimizerStep(recipe, state, parts, devices, scaled_loss)
        self.layer_seeds = LayerSeeds(*self.models.values())
        self.generator_sees_real = depends_on_real(parts.loss)

    def replica_step(self, pixels: Any, labels: Any, step: Any, updates: Updates, tap: StepTap = QUIET) -> Any:
        """Run one step on one replica.

        Args:
            pixels: uint8 images (batches, parts, B, H, W, C).
            labels: class labels, int32 (batches, parts, B); only recipes with a condition use them.
            step: number of steps done before, int64 scalar tensor.
            updates: the updates of the step, in order.
            tap: sees the tensors of the step.

        Returns:
            Sums and counts of ``METRICS``, float32 (2, metrics), the same on every replica.
        """
        tally, finite = Tally(), []
        inputs = ReplicaInputs(self.recipe, self.parts.latent, self.devices, pixels, labels, step)
        generated = GeneratedImages(self.generator, self.weights["generator"], inputs, tap)
        with self.layer_seeds.drawn_from(inputs.layer_stream(), inputs.replica):
            for update in updates:
                if "generator" in [role for role in update.roles if self.optimizer_step.prepare(role)]:
                    generated.forget()
                gradients, facts, real_logits = self._batch_gradients(update, inputs, generated, tap)
                tally.add_means(facts)
                for role in update.roles:
                    norm, counts, whole = self.optimizer_step.move(role, gradients[role])
                    tally.add(f"{role}_gradient", norm, counts)
                    finite.append(whole)
                if "discriminator" in update.roles:
                    self.discriminator.adapt(tf.concat(real_logits, 0))
                if "generator" in update.roles:
                    generated.forget()
        self.optimizer_step.rescale(finite)
        tally.add("augmentation", self.state.augmentation[0])
        tally.add("generator_rate", self.state.generator_optimizer.learning_rate)
        tally.add("discriminator_rate", self.state.discriminator_optimizer.learning_rate)
        return tally.totals()

    def _batch_gradients(
        self, update: Update, inputs: ReplicaInputs, generated: GeneratedImages, tap: StepTap
    ) -> tuple[Gradients, list[Scalars], list[Any]]:
        """Return a batch's gradients, and for each of its parts the scalars and the logits of real images."""
        parts, total, facts, real_logits = inputs.parts, Gradients(), [], []
        for part in range(parts):
            # The parts run one after the other, so that memory holds the activations of one part only.
            with tf.control_dependencies([g for gradients in total.values() for g in gradients]):
                new, found, logits = self._part_gradients(update, part, inputs, generated, tap)
            total = {r: gradient_sum(total.get(r), new[r], self.weights[r], parts) for r in update.roles}
            facts.append(found)
            real_logits.append(logits)
        return total, facts, real_logits

    def _part_gradients(
        self, update: Update, part: int, inputs: ReplicaInputs, generated: GeneratedImages, tap: StepTap
    ) -> tuple[Gradients, Scalars, Any]:
        """Pass real and generated images of one part through D once.

        Returns:
            The gradients of each network that the update changes; losses and other scalars by name; D's logits (B, 1)
            of real images, or of generated images if D sees no real ones.
        """
        tap.begin(update, part)
        reported = ROLES if self.training.updates == "in_turn" else update.roles
        generator_tape, fake = generated.of(update, part)
        tapes = {"generator": generator_tape, "discriminator": weight_tape(self.weights["discriminator"])}
        real, place = inputs.real_images(update.batch, part), f"{update.batch}.{part}"
        label_stream, losses, facts = inputs.stream(f"labels{place}").whole(), {}, {}
        with ExitStack() as recorded:
            for role in update.roles:
                recorded.enter_context(tapes[role])
            seen = real if "discriminator" in reported or self.generator_sees_real else None
            outputs = self.discriminator.outputs(seen, fake, inputs.stream(f"augmentation{place}"), tap)
            real_output, fake_output = (output[:, :1] for output in outputs)
            real_logits, fake_logits = self.discriminator.of_all_replicas(real_output, fake_output, inputs.replica)
            if "discriminator" in reported:
                losses["discriminator"] = self.parts.loss.discriminator(real_logits, fake_logits, label_stream)
            if "generator" in reported:
                losses["generator"] = self.parts.loss.generator(real_logits, fake_logits, label_stream)
            minimized = dict(losses)
            for role, value in self.discriminator.class_losses(update.roles, outputs, real, fake).items():
                facts[f"{role}_class_loss"] = inputs.mean_of_replicas(value)
                minimized[role] += value / self.devices.replicas
            if update.penalized:
                penalty, weight = self.discriminator.penalty(real, fake, inputs.stream(f"penalty{place}"), tap)
                facts["penalty"] = inputs.mean_of_replicas(penalty)
                minimized["discriminator"] += weight / self.devices.replicas * penalty
            minimized = {role: self.optimizer_step.scaled(minimized[role]) for role in update.roles}
        facts.update({f"{role}_loss": loss for role, loss in losses.items()})
        if "discriminator" in reported:
            facts["discriminator_real"] = tf.reduce_mean(tf.sigmoid(real_logits))
            facts["discriminator_fake"] = tf.reduce_mean(tf.sigmoid(fake_logits))
        gradients = {role: tapes[role].gradient(minimized[role], self.weights[role]) for role in update.roles}
        tap.end(facts, gradients)
        return gradients, facts, real_logits


def _forward(model: Any, recipe: ResolvedRecipe, devices: Devices) -> Any:
    synchronized = devices.replicas > 1 and recipe.distribute.synchronized
    try:
        return forward_of(model, fused=recipe.training.fuse, synchronized=synchronized)
    except ValueError as error:
        raise ComponentError(str(error)) from error
