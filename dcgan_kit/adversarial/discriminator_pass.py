"""The discriminator (D) as training calls it: after the augmentation, and with the logits of all replicas."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step_tap import Forward, StepTap
from dcgan_kit.adversarial.training_components import Parts
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.recipes.resolved import ResolvedRecipe


class DiscriminatorPass:
    """The discriminator (D) with the augmentation before it and the penalty on it.

    Args:
        recipe: the recipe to train.
        state: the training state; its augmentation state holds the augmentation probability.
        parts: the components of training, with augmentation and penalty.
        devices: the devices that share the batch.
        forward: D's forward pass: (images, training) → logits.
    """

    def __init__(
        self, recipe: ResolvedRecipe, state: TrainingState, parts: Parts, devices: Devices, forward: Forward
    ) -> None:
        self.value_range, self.concatenated = recipe.image.range, recipe.training.discriminator_passes == "concatenated"
        self.state, self.parts, self.devices, self.forward = state, parts, devices, forward

    def logits(self, real: Any, fake: Any, stream: StepStream, tap: StepTap) -> tuple[Any, Any]:
        """Return D's logits of real and of generated images, each float32 (B, 1).

        If ``real`` is None, both results are the logits of the generated images.
        """
        if real is None:
            logits = self._augmented_logits(fake, "generated images", stream, tap)
            return logits, logits
        if self.concatenated:
            # Real and generated images are augmented separately. Random numbers are drawn per row of the batch, and a
            # replica holds its own rows of each kind.
            both = tf.concat([self.augmented(real, stream), self.augmented(fake, stream)], 0)
            real_logits, fake_logits = tf.split(self._logits(both, "all images", tap), 2)
            return real_logits, fake_logits
        real_logits = self._augmented_logits(real, "real images", stream, tap)
        return real_logits, self._augmented_logits(fake, "generated images", stream, tap)

    def penalty(self, real: Any, fake: Any, stream: StepStream, tap: StepTap) -> tuple[Any, float]:
        """Images (B, H, W, C) → the penalty, a scalar, and its weight in a penalized update of D.

        The weight is the number of updates from one penalized update to the next.
        """
        penalty = self.parts.penalty
        assert penalty is not None

        def discriminator(images: Any) -> Any:
            return self._augmented_logits(images, "penalty", stream, tap)

        value = penalty.value(discriminator, real, tf.stop_gradient(fake), stream)
        return tf.cast(value, tf.float32), float(penalty.every)

    def augmented(self, images: Any, stream: StepStream) -> Any:
        """Images (B, H, W, C) → augmented images, both in the networks' range."""
        augmentation, (low, high) = self.parts.augmentation, self.value_range
        if augmentation is None:
            return images
        images = (images - low) * (2.0 / (high - low)) - 1.0
        images = augmentation.transform(images, self.state.augmentation[0], stream)
        return (images + 1.0) * ((high - low) / 2.0) + low

    def of_all_replicas(self, real: Any, fake: Any, replica: Any) -> tuple[Any, Any]:
        """Logits of this replica → logits of the whole batch; gradients flow only to this replica's own logits.

        A loss may compare images with each other, so it needs the logits of all. Later the replicas' gradients are
        added up.
        """
        replicas = self.devices.replicas
        if replicas == 1:
            return real, fake
        own = tf.stack([real, fake])
        here = tf.one_hot(replica, replicas, on_value=True, off_value=False)[:, None, None, None]
        placed = tf.where(here, own[None], tf.zeros_like(own)[None])
        context = tf.distribute.get_replica_context()
        everywhere = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(placed))
        whole = tf.where(here, own[None], tf.stop_gradient(everywhere))
        whole = tf.reshape(tf.transpose(whole, (1, 0, 2, 3)), (2, replicas * real.shape[0], 1))
        return whole[0], whole[1]

    def adapt(self, real_logits: Any) -> None:
        """Adapt the augmentation to the logits of all real images (B, 1) after an update of D."""
        augmentation = self.parts.augmentation
        if augmentation is not None and augmentation.adapt is not None:
            adapted = augmentation.adapt(tf.identity(self.state.augmentation), tf.stop_gradient(real_logits))
            self.state.augmentation.assign(adapted)

    def _augmented_logits(self, images: Any, input_name: str, stream: StepStream, tap: StepTap) -> Any:
        """Images (B, H, W, C) in the networks' range → logits (B, 1), float32."""
        return self._logits(self.augmented(images, stream), input_name, tap)

    def _logits(self, images: Any, input_name: str, tap: StepTap) -> Any:
        return tf.cast(tap.forward("discriminator", input_name, self.forward, images), tf.float32)
