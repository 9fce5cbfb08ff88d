"""The inputs of one replica in one step: images, latent vectors, random streams."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.image_batch import ImageBatch
from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.training_components import Draw
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.recipes.resolved import ResolvedRecipe


class ReplicaInputs:
    """The inputs of one step on one replica; it exists while the step is traced.

    Args:
        recipe: the recipe to train.
        draw: draws latent vectors.
        devices: the devices that share the batch.
        pixels: uint8 images (batches, parts, B, H, W, C).
        labels: class labels, int32 (batches, parts, B).
        step: number of steps done before, int64 scalar tensor.

    Attributes:
        replica: index of this replica among all.
        parts: number of parts that the batch is divided into.
    """

    def __init__(
        self, recipe: ResolvedRecipe, draw: Draw, devices: Devices, pixels: Any, labels: Any, step: Any
    ) -> None:
        self._recipe, self._draw, self._devices, self._step = recipe, draw, devices, step
        self._pixels, self._labels = pixels, labels
        self.parts = recipe.training.accumulate
        self.replica = tf.distribute.get_replica_context().replica_id_in_sync_group

    def stream(self, purpose: str) -> StepStream:
        """Return this replica's random stream for a purpose."""
        return StepStream(self._recipe.training.seed, self._step, purpose, self.replica, self._devices.replicas)

    def layer_stream(self) -> StepStream:
        """Return the random stream for random layers; ``LayerSeeds`` adds the replica to each seed."""
        return StepStream(self._recipe.training.seed, self._step, "layers")

    def latent_vectors(self, purpose: str, part: int) -> Any:
        """Return latent vectors (B, size) for a part of the batch."""
        drawn = self._draw(self._recipe.training.batch_size, self.stream(purpose).seed())
        return self._rows(drawn, part, self._recipe.latent_size)

    def real_images(self, batch: int, part: int) -> ImageBatch:
        """Return real images in the networks' range, with their classes."""
        low, high = self._recipe.image.range
        images = tf.cast(self._pixels[batch, part], tf.float32) * ((high - low) / 255.0) + low
        return ImageBatch(images, self._real_classes(batch, part))

    def generated_classes(self, purpose: str, batch: int, part: int) -> Any:
        """Return the classes of generated images, one-hot, float32 (B, classes); None without a condition.

        Args:
            purpose: that of the latent vectors.
            batch: the batch of real images that the update sees.
            part: index of the part of the batch.
        """
        condition = self._recipe.condition
        if condition is None or condition.generated == "data":
            return self._real_classes(batch, part)
        classes, seed = self._recipe.classes, self.stream(f"classes/{purpose}").seed()
        drawn = tf.random.stateless_uniform((self._recipe.training.batch_size,), seed, 0, classes, tf.int32)
        return self._rows(tf.one_hot(drawn, classes), part, classes)

    def _real_classes(self, batch: int, part: int) -> Any:
        classes = self._recipe.classes
        return None if classes is None else tf.one_hot(self._labels[batch, part], classes)

    def _rows(self, drawn: Any, part: int, size: int | None) -> Any:
        """Return this replica's rows of a part. Every replica draws the whole batch: this is cheap for vectors."""
        count, replicas = self._recipe.training.batch_size, self._devices.replicas
        rows = count // self.parts // replicas
        drawn = tf.reshape(drawn, (self.parts, replicas, rows, size))
        return tf.ensure_shape(drawn[part, self.replica], (rows, size))

    def mean_of_replicas(self, value: Any) -> Any:
        """Return the mean over all replicas, so that every replica reports the same number."""
        if self._devices.replicas == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.stop_gradient(value))
