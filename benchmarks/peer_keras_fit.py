"""Networks of plain Keras layers that ``keras.Model.fit`` trains with a ``train_step`` of its own: a peer.

The step is that of the TensorFlow tutorial. The data are one batch of random images, repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from peer_networks import NETWORKS, PeerNetworks

OPTIONS = {"bf16"}


class _Gan(keras.Model):  # type: ignore[misc]
    def __init__(self, peer: PeerNetworks) -> None:
        super().__init__()
        self.peer, self.networks = peer, list(peer.build())
        self.optimizers = [peer.optimizer() for _ in self.networks]

    def train_step(self, data: Any) -> Any:
        """Update both networks on images and their labels, if they have labels."""
        data = data if isinstance(data, tuple) else (data,)
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            losses = self.peer.losses(*self.networks, data)
        for index, tape in enumerate((generator_tape, discriminator_tape)):
            weights = self.networks[index].trainable_variables
            gradients = tape.gradient(losses[index], weights)
            self.optimizers[index].apply_gradients(zip(gradients, weights, strict=True))
        return {"generator": losses[0], "discriminator": losses[1]}


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps when each step ended, its losses included."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Read the losses, as a user does who looks at them."""
        float(logs["generator"])
        self.ends.append(time.perf_counter())


def prepare(net: str, batch: int, *options: str) -> tuple[Callable[[int], list[float]], tuple[int, ...]]:
    """Return a function (steps) → milliseconds of each, and the trainable parameters of G and D.

    ``fit`` takes one step more than it is asked for. The first is not counted: the call begins with it.

    Args:
        net: the networks, a key of ``NETWORKS``.
        batch: images per step.
        options: ``bf16``: Keras' policy mixed_bfloat16.
    """
    if unknown := set(options) - OPTIONS:
        raise ValueError(f"no such option: {', '.join(sorted(unknown))}")
    if "bf16" in options:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    gan = _Gan(NETWORKS[net])
    gan.compile()
    data = tf.data.Dataset.from_tensors(gan.peer.data(batch)).repeat()

    def times(steps: int) -> list[float]:
        clock = _Clock()
        gan.fit(data, steps_per_epoch=steps + 1, callbacks=[clock], verbose=0)
        return [1e3 * (end - start) for start, end in zip(clock.ends, clock.ends[1:], strict=False)]

    return times, tuple(sum(math.prod(v.shape) for v in network.trainable_variables) for network in gan.networks)
