"""The training loop of the TensorFlow tutorial on published networks: a peer to compare with.

Networks and loop follow the public tutorial (28x28) and the public 64x64 DCGAN layout. The data are random images,
because the speed does not depend on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers


def _networks_28() -> tuple[Any, Any, tuple[int, int, int]]:
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
    return generator, discriminator, (28, 28, 1)


def _networks_64(resize: bool) -> tuple[Any, Any, tuple[int, int, int]]:
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
    return keras.Sequential(generator), keras.Sequential(discriminator), (64, 64, 3)


def prepare(net: str, batch: int) -> tuple[Callable[[], None], tuple[int, ...]]:
    """Return a function that takes one step of the tutorial's loop, and the trainable parameters of G and D.

    Args:
        net: the networks, 28, 64 or 64resize.
        batch: images per step.
    """
    generator, discriminator, shape = _networks_28() if net == "28" else _networks_64(net == "64resize")
    images = tf.random.uniform((batch, *shape), -1, 1)
    generator_optimizer, discriminator_optimizer = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def train_step(images: Any) -> Any:
        noise = tf.random.normal([batch, 100])
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fakes = generator(noise, training=True)
            real_logits = discriminator(images, training=True)
            fake_logits = discriminator(fakes, training=True)
            generator_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
            discriminator_loss = cross_entropy(tf.ones_like(real_logits), real_logits)
            discriminator_loss += cross_entropy(tf.zeros_like(fake_logits), fake_logits)
        for tape, loss, network, optimizer in (
            (generator_tape, generator_loss, generator, generator_optimizer),
            (discriminator_tape, discriminator_loss, discriminator, discriminator_optimizer),
        ):
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return generator_loss

    counts = (sum(math.prod(v.shape) for v in network.trainable_variables) for network in (generator, discriminator))
    return lambda: train_step(images).numpy(), tuple(counts)
