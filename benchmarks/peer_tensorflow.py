"""The training loop of the TensorFlow tutorial on networks of plain Keras layers: a peer to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from peer_networks import NETWORKS


def prepare(net: str, batch: int) -> tuple[Callable[[], None], tuple[int, ...]]:
    """Return a function that takes one step of the tutorial's loop, and the trainable parameters of G and D.

    Args:
        net: the networks, a key of ``NETWORKS``.
        batch: images per step.
    """
    peer = NETWORKS[net]
    networks, data = peer.build(), peer.data(batch)
    optimizers = [peer.optimizer() for _ in networks]

    @tf.function
    def train_step(data: Any) -> Any:
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            losses = peer.losses(*networks, data)
        for tape, loss, network, optimizer in zip(
            (generator_tape, discriminator_tape), losses, networks, optimizers, strict=True
        ):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return losses[0]

    counts = tuple(sum(math.prod(v.shape) for v in network.trainable_variables) for network in networks)
    return lambda: train_step(data).numpy(), counts
