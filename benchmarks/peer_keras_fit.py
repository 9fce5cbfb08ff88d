"""Networks of plain Keras layers that ``keras.Model.fit`` trains with a ``train_step`` of its own: a peer.

The step is that of the TensorFlow tutorial, with the hinge loss. The data are one batch of random images, repeated,
because the speed does not depend on them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

CLASSES = 10


def _norm(scaled: bool = True) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=scaled, scale=scaled)


def _conv(width: int, kernel: int = 3) -> Any:
    return layers.Conv2D(width, kernel, padding="same")


def _row(x: Any, *members: Any) -> Any:
    for member in members:
        x = member(x)
    return x


def _residual_generator(width: int = 32) -> Any:
    latent = keras.Input((100,))
    x = _row(latent, layers.Dense(4 * 4 * width), layers.Reshape((4, 4, width)))
    for _ in range(3):
        body = _row(x, _norm(), layers.ReLU(), layers.UpSampling2D(2), _conv(width))
        body = _row(body, _norm(), layers.ReLU(), _conv(width))
        x = layers.Add()([body, _row(x, layers.UpSampling2D(2), _conv(width, 1))])
    return keras.Model(latent, _row(x, _norm(), layers.ReLU(), _conv(3), layers.Activation("tanh")))


def _residual_discriminator(width: int = 32) -> Any:
    images = keras.Input((32, 32, 3))
    body = _row(images, _conv(width), layers.ReLU(), _conv(width), layers.AveragePooling2D(2))
    x = layers.Add()([body, _row(images, layers.AveragePooling2D(2), _conv(width, 1))])
    body = _row(x, layers.ReLU(), _conv(width), layers.ReLU(), _conv(width), layers.AveragePooling2D(2))
    x = layers.Add()([body, _row(x, _conv(width, 1), layers.AveragePooling2D(2))])
    for _ in range(2):
        x = layers.Add()([x, _row(x, layers.ReLU(), _conv(width), layers.ReLU(), _conv(width))])
    return keras.Model(images, _row(x, layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(1)))


def _conditional_norm(x: Any, label: Any) -> Any:
    channels = x.shape[-1]
    scale, shift = (
        layers.Reshape((1, 1, channels))(layers.Embedding(CLASSES, channels, embeddings_initializer=first)(label))
        for first in ("ones", "zeros")
    )
    return layers.Add()([layers.Multiply()([_norm(scaled=False)(x), scale]), shift])


def _conditional_generator() -> Any:
    latent, label = keras.Input((100,)), keras.Input((), dtype="int32")
    x = _row(latent, layers.Dense(7 * 7 * 128, use_bias=False), layers.Reshape((7, 7, 128)))
    x = layers.ReLU()(_conditional_norm(x, label))
    x = layers.Conv2DTranspose(64, 4, 2, "same", use_bias=False)(x)
    x = layers.ReLU()(_conditional_norm(x, label))
    x = layers.Conv2DTranspose(1, 4, 2, "same", use_bias=False, activation="tanh")(x)
    return keras.Model([latent, label], x)


def _conditional_discriminator() -> Any:
    images, label = keras.Input((28, 28, 1)), keras.Input((), dtype="int32")
    x = images
    for filters in (64, 128):
        x = _row(x, layers.Conv2D(filters, 4, 2, "same"), layers.LeakyReLU(0.2))
    features = layers.Rescaling(7 * 7)(layers.GlobalAveragePooling2D()(x))
    embedded = layers.Embedding(CLASSES, 128)(label)
    return keras.Model([images, label], layers.Add()([layers.Dense(1)(features), layers.Dot(1)([embedded, features])]))


# (generator, discriminator), shape of an image, whether it has a class
NETWORKS = {
    "residual32": ((_residual_generator, _residual_discriminator), (32, 32, 3), False),
    "classes28": ((_conditional_generator, _conditional_discriminator), (28, 28, 1), True),
}


class _Gan(keras.Model):  # type: ignore[misc]
    def __init__(self, generator: Any, discriminator: Any) -> None:
        super().__init__()
        self.networks = [generator, discriminator]
        self.optimizers = [keras.optimizers.Adam(2e-4, 0.0) for _ in self.networks]

    def train_step(self, data: Any) -> Any:
        """Update both networks on images and their labels, if they have labels."""
        (images, *labels), (generator, discriminator) = data, self.networks
        latent = tf.random.normal([tf.shape(images)[0], 100])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fakes = generator([latent, *labels] if labels else latent, training=True)
            real, fake = (discriminator([x, *labels] if labels else x, training=True) for x in (images, fakes))
            generator_loss = -tf.reduce_mean(fake)
            loss = tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))
        self._move(0, generator_tape, generator_loss)
        self._move(1, discriminator_tape, loss)
        return {"generator": generator_loss, "discriminator": loss}

    def _move(self, index: int, tape: Any, loss: Any) -> None:
        weights = self.networks[index].trainable_variables
        self.optimizers[index].apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps when each step ended, its losses included."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Read the losses, as a user does who looks at them."""
        float(logs["generator"])
        self.ends.append(time.perf_counter())


def prepare(net: str, batch: int) -> tuple[Callable[[int], list[float]], tuple[int, ...]]:
    """Return a function (steps) → milliseconds of each, and the trainable parameters of G and D.

    ``fit`` takes one step more than it is asked for. The first is not counted: the call begins with it.

    Args:
        net: the networks, residual32 or classes28.
        batch: images per step.
    """
    builders, shape, classes = NETWORKS[net]
    gan = _Gan(*(build() for build in builders))
    gan.compile()
    labels = (tf.random.uniform((batch,), 0, CLASSES, tf.int32),) if classes else ()
    data = tf.data.Dataset.from_tensors((tf.random.uniform((batch, *shape), -1, 1), *labels)).repeat()

    def times(steps: int) -> list[float]:
        clock = _Clock()
        gan.fit(data, steps_per_epoch=steps + 1, callbacks=[clock], verbose=0)
        return [1e3 * (end - start) for start, end in zip(clock.ends, clock.ends[1:], strict=False)]

    return times, tuple(sum(math.prod(v.shape) for v in network.trainable_variables) for network in gan.networks)
