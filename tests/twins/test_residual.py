"""``sngan-cifar32``, ``wgangp-resnet-cifar32`` and their forms with classes against plain TensorFlow.

The comments of the recipes list what the sources do and the recipes do not.
"""

from __future__ import annotations

import pytest
import tensorflow as tf
from plain_twins import Adam, PlainTwin, compare_networks, compare_step, cross_entropy, mean_pool, nearest

SMALL = ("data={use: npz, path: unread.npz}", "training.batch_size=4", "training.steps=4", "training.precision=float32")
NARROW = (
    *SMALL, "generator.input.filters=16",
    *(f"{role}.stages.stage{n}.filters=16" for role in ("generator", "discriminator") for n in (1, 2, 3)),
)  # fmt: skip
RATE_AT_STEP_1 = 2e-4 * 3 / 4
"""The rate falls linearly: after one of four steps, three quarters are left."""


class Residual(PlainTwin):
    """What all have in common."""

    epsilon, always = 1e-5, False

    def block_norm(self, g, slot, x):
        return g.batch_norm(slot, x, self.epsilon, always=self.always)

    def generator(self, g, z, *y):
        def activated(slot, x):
            return tf.nn.relu(self.block_norm(g, slot, x, *y))

        x = tf.reshape(g.dense("input_projection_dense", z), (len(z), 4, 4, -1))
        for stage in ("stage1", "stage2", "stage3"):
            h = g.conv(f"{stage}_convolution", nearest(activated(f"{stage}_normalization", x)))
            h = g.conv(f"{stage}_convolution_2", activated(f"{stage}_normalization_2", h))
            x = h + g.conv(f"{stage}_shortcut_convolution", nearest(x))
        x = tf.nn.relu(g.batch_norm("output_normalization", x, self.epsilon, always=self.always))
        return tf.tanh(g.conv("output_convolution", x))

    def features(self, d, images):
        def both(stage, x):
            return d.conv(f"{stage}_convolution_2", tf.nn.relu(d.conv(f"{stage}_convolution", x)))

        x = mean_pool(both("stage1", images)) + d.conv("stage1_shortcut_convolution", mean_pool(images))
        x = mean_pool(both("stage2", tf.nn.relu(x))) + mean_pool(d.conv("stage2_shortcut_convolution", x))
        for stage in ("stage3.1", "stage3.2"):
            x = both(stage, tf.nn.relu(x)) + x
        return self.pooled(tf.nn.relu(x))

    def discriminator(self, d, images):
        return d.dense("output_head_dense", self.features(d, images))

    def g_loss(self, real_logits, fake_logits):
        return -tf.reduce_mean(fake_logits)


class WithClasses(Residual):
    """All norms but the last have a scale and a shift for each class."""

    def block_norm(self, g, slot, x, y):
        return g.conditional_batch_norm(slot, x, y, self.epsilon, always=self.always)


class SNGAN(Residual):
    epsilon = 2e-5

    def pooled(self, x):
        return tf.reduce_sum(x, (1, 2))

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(tf.nn.relu(1 + fake_logits))


class CGANPD(WithClasses, SNGAN):
    def discriminator(self, d, images, y):
        h = self.features(d, images)
        fit = tf.reduce_sum(d.dense("output_head/embedding", y) * h, 1, keepdims=True)
        return d.dense("output_head/dense", h) + fit


class WGANGP(Residual):
    always = True

    def pooled(self, x):
        return tf.reduce_mean(x, (1, 2))

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)

    def penalty(self, real, fake, stream):
        real, fake = real[0], fake[0]
        share = stream.uniform((len(real), 1, 1, 1))
        between = fake + share * (real - fake)
        with tf.GradientTape() as tape:
            tape.watch(between)
            logits = self.judge(between)[:, :1]
        norms = tf.norm(tf.reshape(tape.gradient(logits, between), (len(real), -1)), axis=1)
        return 10 * tf.reduce_mean((norms - 1) ** 2)


class ACGAN(WithClasses, WGANGP):
    def discriminator(self, d, images, *y):
        h = self.features(d, images)
        return tf.concat([d.dense("output_head/dense", h), d.dense("output_head/classes", h)], 1)

    def d_class_loss(self, real_logits, fake_logits, real_classes):
        return cross_entropy(real_logits, real_classes)

    def g_class_loss(self, fake_logits, fake_classes):
        return 0.1 * cross_entropy(fake_logits, fake_classes)


TWINS = [
    ("sngan-cifar32", SNGAN),
    ("cganpd-cifar32", CGANPD),
    ("wgangp-resnet-cifar32", WGANGP),
    ("wgangp-resnet-cifar32-acgan", ACGAN),
]


@pytest.mark.parametrize(("name", "twin"), TWINS)
def test_the_networks_compute_the_same(name, twin, resolve):
    compare_networks(resolve(name, *SMALL), twin)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "twin"), TWINS)
def test_a_step_leaves_the_same_variables(name, twin, resolve, taken):
    # With the published ε of 1e-8, rounding errors of a gradient that is 0 move a weight as far as any gradient does.
    updates = 1 if issubclass(twin, WithClasses) else 2
    recipe = resolve(name, *NARROW, "training.optimizer.epsilon=1e-3", f"training.discriminator.updates={updates}")
    compare_step(recipe, twin, taken, lambda role: Adam(RATE_AT_STEP_1, 0.0, 0.9, 1e-3))
