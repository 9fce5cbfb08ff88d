"""The discriminator (D) as training calls it: after the augmentation, and with the logits of all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.image_batch import ImageBatch
from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step_tap import Forward, StepTap
from dcgan_kit.adversarial.training_components import Parts
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.recipes.resolved import ResolvedRecipe, Role


class DiscriminatorPass:
    """The discriminator (D) with the augmentation before it and the penalty on it.

    Args:
        recipe: the recipe to train.
        state: the training state; its augmentation state holds the augmentation probability.
        parts: the components of training, with augmentation and penalty.
        devices: the devices that share the batch.
        forward: D's forward pass: (images, training) → logits.

    D may return class logits besides its logit: an *output* is float32 (B, 1), (B, 1 + classes) or, with a class for
    generated images, (B, 2 + classes).
    """

    def __init__(
        self, recipe: ResolvedRecipe, state: TrainingState, parts: Parts, devices: Devices, forward: Forward
    ) -> None:
        self.value_range, self.concatenated = recipe.image.range, recipe.training.discriminator_passes == "concatenated"
        self.state, self.parts, self.devices, self.forward = state, parts, devices, forward

    def outputs(self, real: ImageBatch | None, fake: ImageBatch, stream: StepStream, tap: StepTap) -> tuple[Any, Any]:
        """Return D's outputs for real and for generated images.

        If ``real`` is None, both results are the output for the generated images.
        """
        if real is None:
            output = self._augmented_output(fake, "generated images", stream, tap)
            return output, output
        if self.concatenated:
            # Real and generated images are augmented separately. Random numbers are drawn per row of the batch, and a
            # replica holds its own rows of each kind.
            augmented = [batch.with_images(self.augmented(batch.images, stream)) for batch in (real, fake)]
            real_output, fake_output = tf.split(
                self._output(augmented[0].followed_by(augmented[1]), "all images", tap), 2
            )
            return real_output, fake_output
        real_output = self._augmented_output(real, "real images", stream, tap)
        return real_output, self._augmented_output(fake, "generated images", stream, tap)

    def penalty(self, real: ImageBatch, fake: ImageBatch, stream: StepStream, tap: StepTap) -> tuple[Any, float]:
        """Return the penalty, a scalar, and its weight in a penalized update of D.

        The weight is the number of updates from one penalized update to the next.
        """
        penalty, fake_images = self.parts.penalty, tf.stop_gradient(fake.images)
        assert penalty is not None

        def discriminator(images: Any) -> Any:
            # Images between real and generated ones have the class of the real ones.
            classes = fake.classes if images is fake_images else real.classes
            return self._augmented_output(ImageBatch(images, classes), "penalty", stream, tap)[:, :1]

        value = penalty.value(discriminator, real.images, fake_images, stream)
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

    def class_losses(
        self, roles: Sequence[Role], outputs: tuple[Any, Any], real: ImageBatch, fake: ImageBatch
    ) -> dict[Role, Any]:
        """Return what each network minimizes so that D's class logits are right; empty if D has none.

        Args:
            roles: the networks whose losses are wanted.
            outputs: D's outputs for real and for generated images.
            real: the real images.
            fake: the generated images.
        """
        loss = self.parts.class_loss
        if loss is None:
            return {}
        real_logits, fake_logits = (output[:, 1:] for output in outputs)
        found: dict[Role, Any] = {}
        if "generator" in roles:
            found["generator"] = loss.generator(fake_logits, fake.classes)
        if "discriminator" in roles:
            found["discriminator"] = loss.discriminator(real_logits, real.classes, fake_logits, fake.classes)
        return found

    def _augmented_output(self, batch: ImageBatch, input_name: str, stream: StepStream, tap: StepTap) -> Any:
        return self._output(batch.with_images(self.augmented(batch.images, stream)), input_name, tap)

    def _output(self, batch: ImageBatch, input_name: str, tap: StepTap) -> Any:
        inputs = batch.inputs(self.forward.model)
        return tf.cast(tap.forward("discriminator", input_name, self.forward, inputs), tf.float32)
