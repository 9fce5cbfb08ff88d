"""``r3gan-tiny32``, ``r3gan-cifar32`` and its form with classes against their networks and their step in plain TensorFlow.

The comment of ``r3gan-cifar32`` lists what the source does and the recipes do not.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from plain_twins import Adam, PlainTwin, compare_networks, compare_step, leaky

# The source flips the real images only, and the step flips at random: here nothing is flipped.
SMALL = (
    "data={use: npz, path: unread.npz}", "training.batch_size=4", "training.steps=40", "training.precision=float32",
    "training.augmentation=null", "training.ema=0",
)  # fmt: skip
RATE_AT_STEP_1 = 5e-5 + (2e-4 - 5e-5) * (1 + np.cos(np.pi / 3.2)) / 2
"""Half a cosine from 2e-4 to 5e-5, in 8 % of 40 steps."""

GAMMAS = (2e4, 3e4)
"""Weights of R1 and R2 in the test. The recipe's 0.005 would move nothing by more than the tolerance."""


def fir(channels):
    """Return (4, 4, channels, 1): [1, 3, 3, 1] along both axes, with the sum 1, for each channel."""
    taps = np.convolve([1, 2, 1], [1, 1])
    return tf.constant(np.tile((np.outer(taps, taps) / 64)[..., None, None], (1, 1, channels, 1)), tf.float32)


def halved(x):
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.nn.depthwise_conv2d(padded, fir(x.shape[-1]), [1, 2, 2, 1], "VALID")


def doubled(x):
    """Put zeros between the pixels, and filter with four times the taps."""
    rows, height, width, channels = x.shape
    apart = tf.reshape(tf.stack([x, tf.zeros_like(x)], 2), (rows, 2 * height, width, channels))
    apart = tf.reshape(tf.stack([apart, tf.zeros_like(apart)], 3), (rows, 2 * height, 2 * width, channels))
    padded = tf.pad(apart, [[0, 0], [2, 1], [2, 1], [0, 0]])
    return tf.nn.depthwise_conv2d(padded, 4 * fir(channels), [1, 1, 1, 1], "VALID")


NARROW_ORDER = (
    "[convolution: {filters: 32, bias: true}, activation, convolution: {kernel_size: 3, groups: 2, filters: 32, "
    "bias: true}, activation, convolution]"
)
NARROW = (
    "generator.input.filters=16", "discriminator.stages.widen.filters=16",
    *(f"{role}.order={NARROW_ORDER}" for role in ("generator", "discriminator")),
    *(f"{role}.stages.blocks{side}.repeat=1" for role in ("generator", "discriminator") for side in (4, 8, 16, 32)),
)  # fmt: skip


class R3GAN(PlainTwin):
    blocks, groups = 1, 8

    def stage(self, p, side, x):
        for number in range(1, self.blocks + 1):
            name = f"blocks{side}.{number}" if self.blocks > 1 else f"blocks{side}"
            h = leaky(p.conv(f"{name}_convolution", x))
            h = leaky(p.conv(f"{name}_convolution_2", h, groups=self.groups))
            x = x + p.conv(f"{name}_convolution_3", h)
        return x

    def generator(self, g, z):
        scales = g.dense("input_projection_modulation", z)
        x = self.stage(g, 4, g("input_projection_map", "map") * scales[:, None, None, :])
        for side in (8, 16, 32):
            x = self.stage(g, side, doubled(x))
        return g.conv("output_convolution", x)

    def weighed(self, d, depthwise, images):
        x = d.conv("widen_convolution", images)
        for side in (32, 16, 8):
            x = halved(self.stage(d, side, x))
        return tf.reduce_sum(self.stage(d, 4, x) * d(depthwise, "kernel")[..., 0], (1, 2))

    def discriminator(self, d, images):
        return d.dense("output_head_dense", self.weighed(d, "output_head_depthwise", images))

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.math.softplus(fake_logits - real_logits))

    def g_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.math.softplus(real_logits - fake_logits))

    def judge_for_g(self, real):
        return self.judge(*real)

    def penalty(self, real, fake, stream):
        total = 0.0
        for gamma, (images, *told) in zip(GAMMAS, (real, fake), strict=True):
            with tf.GradientTape() as tape:
                tape.watch(images)
                logits = self.judge(images, *told)
            total += gamma / 2 * tf.reduce_sum(tape.gradient(logits, images) ** 2) / len(images)
        return total


class TwoBlocks(R3GAN):
    blocks = 2


class Narrow(R3GAN):
    groups = 2


class Conditional(Narrow):
    def generator(self, g, z, y):
        return super().generator(g, tf.concat([z, g.dense("input_conditioning/embedding", y)], 1))

    def discriminator(self, d, images, y):
        features = d.dense("output_head/dense", self.weighed(d, "output_head/depthwise", images))
        return tf.reduce_sum(features * d.dense("output_head/embedding", y), 1, keepdims=True)


def test_the_networks_compute_the_same(resolve):
    compare_networks(resolve("r3gan-tiny32", *SMALL), R3GAN)


def test_the_networks_of_the_large_one_compute_the_same_when_they_are_narrow(resolve):
    """The large one with the width of the tiny one: two blocks a stage."""
    twice = [
        f"{role}.stages.blocks{side}.repeat=2" for role in ("generator", "discriminator") for side in (4, 8, 16, 32)
    ]
    compare_networks(resolve("r3gan-tiny32", *SMALL, *twice), TwoBlocks)


def test_the_networks_with_classes_compute_the_same(resolve):
    compare_networks(resolve("r3gan-cifar32-conditional", *SMALL, *NARROW), Conditional)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "twin", "narrow"),
    [
        ("r3gan-tiny32", R3GAN, ()),
        ("r3gan-cifar32", Narrow, NARROW),
        ("r3gan-cifar32-conditional", Conditional, NARROW),
    ],
)
def test_a_step_leaves_the_same_variables(name, twin, narrow, resolve, taken):
    weights = [
        f"training.penalty.{side}.weight={gamma}" for side, gamma in zip(("first", "second"), GAMMAS, strict=True)
    ]
    recipe = resolve(name, *SMALL, *narrow, "training.optimizer.epsilon=1e-3", *weights)
    compare_step(recipe, twin, taken, lambda role: Adam(RATE_AT_STEP_1, 0.0, 0.99, 1e-3))
