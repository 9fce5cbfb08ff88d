"""Networks of plain Keras layers and their losses, which two peers train.

The 28x28 networks follow the public TensorFlow tutorial, the 64x64 ones the public DCGAN layout. The residual ones have
the layout of WGAN-GP and SNGAN, narrow. The conditional ones have conditional batch normalization in G and a projection
head in D.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import layers

CLASSES = 10


@dataclass(frozen=True)
class PeerNetworks:
    """How to build a generator and a discriminator, and what they train with.

    Attributes:
        build: returns both.
        shape: shape of an image.
        hinge: whether the loss is the hinge loss; otherwise it is the non-saturating one.
        labelled: whether each image has a class.
    """

    build: Callable[[], tuple[Any, Any]]
    shape: tuple[int, int, int]
    hinge: bool = False
    labelled: bool = False

    def data(self, batch: int) -> tuple[Any, ...]:
        """Return random images, and their labels if they have some: the speed does not depend on the images."""
        images = tf.random.uniform((batch, *self.shape), -1, 1)
        return (images, tf.random.uniform((batch,), 0, CLASSES, tf.int32)) if self.labelled else (images,)

    def optimizer(self) -> Any:
        """Return a new optimizer for one network."""
        return keras.optimizers.Adam(2e-4, 0.0) if self.hinge else keras.optimizers.Adam(1e-4)

    def losses(self, generator: Any, discriminator: Any, data: tuple[Any, ...]) -> tuple[Any, Any]:
        """Pass a batch through both networks; return the losses of both, float32."""
        images, *labels = data
        latent = tf.random.normal([tf.shape(images)[0], 100])
        fakes = generator([latent, *labels] if labels else latent, training=True)
        real, fake = (
            tf.cast(discriminator([x, *labels] if labels else x, training=True), tf.float32) for x in (images, fakes)
        )
        if self.hinge:
            return -tf.reduce_mean(fake), tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        found = loss(tf.ones_like(real), real) + loss(tf.zeros_like(fake), fake)
        return loss(tf.ones_like(fake), fake), found


def _networks_28() -> tuple[Any, Any]:
    generator = keras.Sequential([
        keras.Input((100,)),
        layers.Dense(7 * 7 * 256, use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(0.3),
        layers.Reshape((7, 7, 256)),
        layers.Conv2DTranspose(128, 5, 1, "same", use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(0.3),
        layers.Conv2DTranspose(64, 5, 2, "same", use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(0.3),
        layers.Conv2DTranspose(1, 5, 2, "same", use_bias=False, activation="tanh"),
    ])  # fmt: skip
    discriminator = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(64, 5, 2, "same"), layers.LeakyReLU(0.3), layers.Dropout(0.3),
        layers.Conv2D(128, 5, 2, "same"), layers.LeakyReLU(0.3), layers.Dropout(0.3),
        layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    return generator, discriminator


def _networks_64(resize: bool) -> tuple[Any, Any]:
    def up(filters: int) -> list[Any]:
        if resize:
            return [layers.UpSampling2D(2), layers.Conv2D(filters, 3, padding="same", use_bias=False)]
        return [layers.Conv2DTranspose(filters, 4, 2, "same", use_bias=False)]

    def norm() -> Any:
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)

    generator = [keras.Input((100,)), layers.Dense(4 * 4 * 512, use_bias=False), layers.Reshape((4, 4, 512))]
    generator += [norm(), layers.ReLU()]
    for filters in (256, 128, 64):
        generator += [*up(filters), norm(), layers.ReLU()]
    generator += [*up(3), layers.Activation("tanh")]
    discriminator = [keras.Input((64, 64, 3)), layers.Conv2D(64, 4, 2, "same", use_bias=False), layers.LeakyReLU(0.2)]
    for filters in (128, 256, 512):
        discriminator += [layers.Conv2D(filters, 4, 2, "same", use_bias=False), norm(), layers.LeakyReLU(0.2)]
    discriminator += [layers.Flatten(), layers.Dense(1, use_bias=False)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


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


NETWORKS = {
    "28": PeerNetworks(_networks_28, (28, 28, 1)),
    "64": PeerNetworks(lambda: _networks_64(resize=False), (64, 64, 3)),
    "64resize": PeerNetworks(lambda: _networks_64(resize=True), (64, 64, 3)),
    "residual32": PeerNetworks(lambda: (_residual_generator(), _residual_discriminator()), (32, 32, 3), hinge=True),
    "classes28": PeerNetworks(
        lambda: (_conditional_generator(), _conditional_discriminator()), (28, 28, 1), hinge=True, labelled=True
    ),
}
