"""Random numbers as functions of (seed, step, purpose); a step does not depend on what other steps drew."""

from __future__ import annotations

import zlib
from typing import Any

import tensorflow as tf


class StepStream:
    """The random stream of one purpose in one step; see ``dcgan_kit.RandomStream``.

    Args:
        seed: the recipe's seed.
        step: number of the step, int64 scalar tensor.
        purpose: what the numbers are for; each purpose has its own stream.
        replica: index of this replica.
        replicas: number of replicas that share the batch; each gets its rows of what a single replica would draw.
    """

    def __init__(self, seed: int, step: Any, purpose: str, replica: Any = 0, replicas: int = 1) -> None:
        self._seed = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
        self._purpose = purpose
        self._calls = 0
        self._replica = replica
        self._replicas = replicas

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, uniform in [0, 1)."""
        return self._rows(tf.random.stateless_uniform(self._whole(shape), self.seed()), shape)

    def normal(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, standard normal."""
        return self._rows(tf.random.stateless_normal(self._whole(shape), self.seed()), shape)

    def whole(self) -> StepStream:
        """Return the same stream for a caller that holds the whole batch on every replica."""
        whole = StepStream.__new__(StepStream)
        whole.__dict__.update(self.__dict__, _replica=0, _replicas=1)
        return whole

    def seed(self) -> Any:
        """Return a fresh int32 seed of shape (2,)."""
        folded = zlib.crc32(f"{self._purpose}/{self._calls}".encode()) & 0x7FFFFFFF
        self._calls += 1
        return tf.random.experimental.stateless_fold_in(self._seed, folded)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (int(shape[0]) * self._replicas, *shape[1:])

    def _rows(self, drawn: Any, shape: tuple[int, ...]) -> Any:
        if self._replicas == 1:
            return drawn
        return tf.reshape(tf.slice(drawn, [self._replica * shape[0], *[0] * (len(shape) - 1)], shape), shape)
