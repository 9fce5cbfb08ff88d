"""One step taken apart: the same updates as in training, layer by layer, and every tensor of them measured."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.discriminator_pass import Critic
from dcgan_kit.adversarial.random_streams import StepNoise
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step import AdversarialStep, ReplicaStep, Scalars
from dcgan_kit.adversarial.update_schedule import Turn, Update
from dcgan_kit.networks.trace import takes_training


@dataclass(frozen=True)
class TensorFacts:
    """One tensor of a step.

    Attributes:
        place: what it is, e.g. ``discriminator, real images: output of stage2_normalization``.
        shape: its shape.
        minimum: smallest finite number; None if there is none.
        maximum: largest finite number; None if there is none.
        mean: of the finite numbers; None if there are none.
        not_finite: how many numbers are not.
    """

    place: str
    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    mean: float | None
    not_finite: int

    @staticmethod
    def of(place: str, tensor: Any) -> TensorFacts:
        """Measure a tensor."""
        values = np.asarray(tf.cast(tensor, tf.float32))
        finite = values[np.isfinite(values)].astype(np.float64)
        count = int(values.size - finite.size)
        if not finite.size:
            return TensorFacts(place, values.shape, None, None, None, count)
        return TensorFacts(place, values.shape, float(finite.min()), float(finite.max()), float(finite.mean()), count)


def examined(session: Session, values: dict[str, Any], pixels: Any, step: int) -> Iterator[TensorFacts]:
    """Take a step, and measure every tensor of its updates, as far as the update in which one is not finite.

    The numbers are those of training up to rounding, and up to the gradients of penalties through batch normalization,
    which are Keras' here: no layers are fused, and all replicas' images are one batch.

    Args:
        session: what is trained, on one device; its state is another one afterwards.
        values: every variable before the step.
        pixels: uint8 images (batches, parts, replicas, B, H, W, C).
        step: steps that were done before.
    """
    session.state.assign(values)
    number = tf.constant(step, tf.int64)
    session.step.descent.set_rates(number)
    turns, which = session.step.turns()
    turn = turns[int(which(number))]
    pixels = tf.reshape(pixels, (*pixels.shape[:2], -1, *session.recipe.image.shape))
    taken = _ExaminedStep(session.step, pixels, number, turn)
    noise = StepNoise(session.recipe.training.seed, number, "layers")
    for place, update in enumerate(turn, start=1):
        with session.step.layer_noise.drawn_from(noise, 0):
            taken.update(update)
        told = f"update {place} of {len(turn)} ({' and '.join(update.roles)}): " if len(turn) > 1 else ""
        yield from (replace(fact, place=told + fact.place) for fact in taken.facts)
        if any(fact.not_finite for fact in taken.facts):
            return


class _ExaminedStep(ReplicaStep):
    """A step whose networks are run layer by layer.

    Attributes:
        facts: the tensors of the latest update, in the order in which it made them.
    """

    def __init__(self, step: AdversarialStep, pixels: Any, number: Any, turn: Turn) -> None:
        watched = copy.copy(step)
        generator, discriminator = step.state.networks.generator.model, step.state.networks.discriminator.model
        watched.generator = lambda latent, _: self._through(generator, "latent vectors", latent)
        watched.critic = Critic(
            step.recipe,
            step.state,
            step.parts,
            step.devices,
            lambda images, _: self._through(discriminator, next(self._judged, "penalty"), images),
        )
        super().__init__(watched, pixels, number, turn)
        self._models = {"generator": generator, "discriminator": discriminator}
        self._moved = tuple(self._models)
        self._judged: Iterator[str] = iter(())
        self._part = ""
        self.facts: list[TensorFacts] = []

    def update(self, update: Update) -> None:
        self.facts = [
            TensorFacts.of(f"{role}: weight {weight.path}", weight.value)
            for role in self._moved
            for weight in self._models[role].weights
            if "seed" not in weight.path
        ]
        super().update(update)
        self._moved = update.roles

    def gradients(self, update: Update, part: int) -> tuple[Any, Scalars]:
        parts = self.training.accumulate
        self._part = f"part {part + 1} of {parts}: " if parts > 1 else ""
        # The order in which training judges images; penalties judge what they like.
        sees_real = "discriminator" in update.roles or self.in_turn or self.ours.generator_sees_real
        separate = ["real images", "generated images"] if sees_real else ["generated images"]
        self._judged = iter(["all images"] if sees_real and self.ours.critic.concatenated else separate)
        gradients, scalars = super().gradients(update, part)
        for name in ("generator_loss", "discriminator_loss", "penalty"):
            if name in scalars:
                self._note(name.replace("_", ": "), scalars[name])
        for role, found in gradients.items():
            for variable, gradient in zip(self._models[role].trainable_variables, found, strict=True):
                if gradient is not None:
                    self._note(f"{role}: gradient of {variable.path}", gradient)
        return gradients, scalars

    def _through(self, model: Any, what: str, x: Any) -> Any:
        for layer in model.layers[1:]:
            x = layer(x, training=True) if takes_training(layer) else layer(x)
            self._note(f"{model.name}, {what}: output of {layer.name}", x)
        return x

    def _note(self, place: str, tensor: Any) -> None:
        self.facts.append(TensorFacts.of(self._part + place, tensor))
