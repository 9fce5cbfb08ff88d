"""Losses, latent vectors, optimizers and images with one mistake each, for the seeded faults."""

from dataclasses import replace

import numpy as np

from dcgan_kit import AdversarialLoss, component, hookimpl


def _generator(real_logits, fake_logits, random):
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.softplus(-fake_logits))


def _discriminator(real_logits, fake_logits, random):
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(fake_logits))


@component("loss")
def swapped_labels():
    """Train D with the labels exchanged, and G with the right ones.  (B, 1), (B, 1) → scalar."""
    return AdversarialLoss(_generator, lambda real, fake, random: _discriminator(fake, real, random))


@component("loss")
def wrong_sign():
    """Let G minimize what it should maximize.  (B, 1), (B, 1) → scalar."""
    return AdversarialLoss(lambda real, fake, random: -_generator(real, fake, random), _discriminator)


@component("loss")
def detached_loss():
    """Stop the gradient of G's loss at the logits.  (B, 1), (B, 1) → scalar."""

    def generator(real, fake, random):
        import tensorflow as tf

        return _generator(real, tf.stop_gradient(fake), random)

    return AdversarialLoss(generator, _discriminator)


@component("latent")
def one_value(*, size: int = 32):
    """Return the same latent vector for every image.  (count, seed) → (count, size)."""

    def draw(count, seed):
        import tensorflow as tf

        return tf.ones((count, size))

    return draw


@component("optimizer")
def idle(*, learning_rate: float = 1e-3):
    """Receive gradients and leave the weights as they are, as if ``apply`` were never called."""
    import keras

    class Idle(keras.optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(variable, keras.ops.zeros_like(gradient))

    return Idle(learning_rate)


def _garments(spec):
    from dcgan_kit_plugins.data import fashion_mnist_4k

    return fashion_mnist_4k.build(spec, {})


@component("data")
def divided_twice(spec):
    """Return images that were divided by 255 and stored as whole numbers: 0 and 1.  → uint8 (N, H, W, C)."""
    images = _garments(spec)
    return replace(images, pixels=images.pixels // 255)


@component("data")
def half_range(spec):
    """Return images whose brightest pixel is 127, as after a cast to int8.  → uint8 (N, H, W, C)."""
    images = _garments(spec)
    return replace(images, pixels=images.pixels // 2)


@component("data")
def one_image(spec):
    """Return the first image again and again, as a reader that never moves on.  → uint8 (N, H, W, C)."""
    images = _garments(spec)
    return replace(images, pixels=np.repeat(images.pixels[:1], len(images.pixels), axis=0))


@component("data")
def mixed_labels(spec):
    """Return images with the labels of other images, as after shuffling only one of the two arrays."""
    images = _garments(spec)
    return replace(images, labels=np.random.default_rng(0).permutation(images.labels))


@hookimpl
def dcgan_kit_components():
    return [
        swapped_labels,
        wrong_sign,
        detached_loss,
        one_value,
        idle,
        divided_twice,
        half_range,
        one_image,
        mixed_labels,
    ]
