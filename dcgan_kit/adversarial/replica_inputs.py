"""The inputs of one replica in one step: images, latent vectors, random streams."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

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
        step: number of steps done before, int64 scalar tensor.

    Attributes:
        replica: index of this replica among all.
        parts: number of parts that the batch is divided into.
    """

    def __init__(self, recipe: ResolvedRecipe, draw: Draw, devices: Devices, pixels: Any, step: Any) -> None:
        self._recipe, self._draw, self._devices, self._pixels, self._step = recipe, draw, devices, pixels, step
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
        # Every replica draws the whole batch and keeps its rows. Latent vectors are small, so this is cheap.
        count, replicas, size = self._recipe.training.batch_size, self._devices.replicas, self._recipe.latent_size
        rows = count // self.parts // replicas
        drawn = self._draw(count, self.stream(purpose).seed())
        drawn = tf.reshape(drawn, (self.parts, replicas, rows, size))
        return tf.ensure_shape(drawn[part, self.replica], (rows, size))

    def real_images(self, batch: int, part: int) -> Any:
        """Return real images (B, H, W, C), float32, in the networks' range."""
        low, high = self._recipe.image.range
        return tf.cast(self._pixels[batch, part], tf.float32) * ((high - low) / 255.0) + low

    def mean_of_replicas(self, value: Any) -> Any:
        """Return the mean over all replicas, so that every replica reports the same number."""
        if self._devices.replicas == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.stop_gradient(value))
