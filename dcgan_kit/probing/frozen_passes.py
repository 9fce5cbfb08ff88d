"""Forward and backward passes of both networks over fixed batches. They change no variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.adversarial.image_batch import ImageBatch
from dcgan_kit.adversarial.precision import in_float32
from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.probe import Role
from dcgan_kit.networks.network import Network
from dcgan_kit.networks.side_inputs import inputs_of

PROBING_STEP = -3
"""Replaces the step in every seed: random numbers are the same at each probe step, and training never draws them."""

ROLES: tuple[Role, Role] = ("generator", "discriminator")

Chain = list[Any]
"""The input of a network, then the output of each of its parts, in order."""


class Passes:
    """Compiled passes of a session's networks.

    Networks run layer by layer, in float32. Layers assign statistics and random states inside a stateless scope of
    Keras. The scope is discarded, so that no variable changes.

    Args:
        session: the session with the networks.
        latent: float32 (B, size): the latent vectors for ``loss_at``. All batches must have this shape.
        real: float32 (B, H, W, C) in the value range of the networks: the real images for ``loss_at``. All batches must
            have this shape.
        classes: the class of each real image and of each generated one, one-hot, float32 (B, classes); (B, 0) if the
            recipe has no condition.
    """

    def __init__(self, session: Session, latent: Any, real: Any, classes: Any) -> None:
        self.session = session
        self.networks = session.state.networks
        self.batch = tuple(map(tf.constant, (latent, real, classes)))
        self._batch = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in self.batch]
        self.concatenated = session.recipe.training.discriminator_passes == "concatenated"

    def variables(self, role: Role) -> Sequence[Any]:
        """Return the trainable variables of a network."""
        network: Network = getattr(self.networks, role)
        return network.model.trainable_variables  # type: ignore[no-any-return]

    def weights(self, role: Role) -> list[Any]:
        """Return the values of the trainable variables as tensors."""
        return [tf.convert_to_tensor(variable.value) for variable in self.variables(role)]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the caller run layers inside: in float32, with fixed random numbers, and without changing variables."""
        with in_float32(self.networks, self.session.choice.precision), self._stateless({}):
            yield

    @cached_property
    def training(self) -> Any:
        """Compiled: (latent, real, classes) → outputs of both networks in training mode, losses, all gradients."""

        def run(latent: Any, real: Any, classes: Any) -> dict[str, Any]:
            weights: dict[Role, list[Any]] = {role: self.weights(role) for role in ROLES}
            with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
                tape.watch(weights)
                tape.watch(latent)
                made, chains, losses = self._run(weights, latent, real, classes)
            last = {of: chain[-1:] for of, chain in chains.items()}
            by_images, by_weights, by_logits = _gradients(tape, losses["generator"], [made, weights["generator"], last])
            by_maps, by_other_weights = _gradients(tape, losses["discriminator"], [chains, weights["discriminator"]])
            return {
                "generator": made,
                "discriminator": self._separate(chains),
                "losses": losses,
                "generator_gradients": by_images,
                "discriminator_gradients": self._separate(by_maps),
                "weight_gradients": {"generator": by_weights, "discriminator": by_other_weights},
                "generator_push": self._separate(by_logits),
            }

        return self._compiled(run, *self._batch)

    @cached_property
    def inference(self) -> Any:
        """Compiled: (latent, real, classes) → outputs of both networks in inference mode."""

        def run(latent: Any, real: Any, classes: Any) -> dict[str, Any]:
            with self._stateless({}):
                made = _flow(self.networks.generator, latent, classes, False)
                return {"generator": made, "discriminator": self._discriminate(real, made[-1], classes, False)}

        return self._compiled(run, *self._batch)

    def loss_at(self, role: Role, weights: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return the loss and the gradients of a network at other weights."""
        compiled = self._generator_at if role == "generator" else self._discriminator_at
        loss, gradients = compiled([tf.constant(weight, tf.float32) for weight in weights])
        return loss, gradients

    @cached_property
    def _generator_at(self) -> Any:
        return self._at("generator")

    @cached_property
    def _discriminator_at(self) -> Any:
        return self._at("discriminator")

    def _at(self, role: Role) -> Any:
        def run(others: list[Any]) -> tuple[Any, list[Any]]:
            weights = {name: self.weights(name) for name in ROLES}
            weights[role] = others
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(others)
                _, _, losses = self._run(weights, *self.batch)
            return losses[role], tape.gradient(losses[role], others, unconnected_gradients="zero")

        return self._compiled(run, [tf.TensorSpec(v.shape, tf.float32) for v in self.variables(role)])

    def _compiled(self, run: Any, *signature: Any) -> Any:
        # Tracing reads the precision from the layers and fixes it.
        with in_float32(self.networks, self.session.choice.precision):
            return tf.function(run, autograph=False).get_concrete_function(*signature)

    @contextmanager
    def _stateless(self, weights: dict[Role, list[Any]]) -> Iterator[None]:
        mapping = [pair for role, values in weights.items() for pair in zip(self.variables(role), values, strict=True)]
        with keras.StatelessScope(mapping), self.session.step.layer_seeds.drawn_from(self._stream("layers"), 0):
            yield

    def _run(
        self, weights: dict[Role, list[Any]], latent: Any, real: Any, classes: Any
    ) -> tuple[Chain, dict[str, Chain], dict[str, Any]]:
        """Run both networks with these weights. Return the chains of both networks and both losses."""
        loss = self.session.step.parts.loss
        with self._stateless(weights):
            made = _flow(self.networks.generator, latent, classes, True)
            chains = self._discriminate(real, made[-1], classes, True)
        separate = self._separate(chains)
        outputs = separate["real"][-1], separate["generated"][-1]
        logits = outputs[0][:, :1], outputs[1][:, :1]
        losses = {
            "generator": loss.generator(*logits, self._stream("labels")),
            "discriminator": loss.discriminator(*logits, self._stream("labels")),
        }
        batch = ImageBatch(None, classes)
        for role, value in self.session.step.discriminator.class_losses(ROLES, outputs, batch, batch).items():
            losses[role] += value
        return made, chains, losses

    def _discriminate(self, real: Any, fake: Any, classes: Any, training: bool) -> dict[str, Chain]:
        """Return the discriminator's chains. The recipe decides whether real and generated images form one batch."""
        step, network = self.session.step.discriminator, self.networks.discriminator
        real, fake = (step.augmented(images, self._stream("augmentation")) for images in (real, fake))
        if self.concatenated and training:
            twice = tf.concat([classes, classes], 0)
            return {"both": _flow(network, tf.concat([real, fake], 0), twice, training)}
        return {
            "real": _flow(network, real, classes, training),
            "generated": _flow(network, fake, classes, training),
        }

    def _separate(self, chains: dict[str, Chain]) -> dict[str, Chain]:
        if "both" not in chains:
            return chains
        halves = [tf.split(tensor, 2) for tensor in chains["both"]]
        return {"real": [half[0] for half in halves], "generated": [half[1] for half in halves]}

    def _stream(self, purpose: str) -> StepStream:
        return StepStream(self.session.recipe.training.seed, tf.constant(PROBING_STEP), f"probing/{purpose}")


def _flow(network: Network, x: Any, classes: Any, training: bool) -> Chain:
    return network.outputs(inputs_of(network.model, x, classes), lambda layer, values: layer(values, training=training))


def _gradients(tape: Any, loss: Any, by: Any) -> Any:
    return tape.gradient(loss, by, unconnected_gradients="zero")
