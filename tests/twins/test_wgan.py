"""``wgan-cifar32`` against its networks and its step in plain TensorFlow.

The recipe's comment lists what the source does and the recipe does not. The source minimizes the negative of this loss:
that is the same with the negative of D's last kernel, which is drawn as often.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from plain_twins import PlainTwin, RMSProp, compare_networks, compare_step, leaky

SMALL = ("data={use: npz, path: unread.npz}", "training.batch_size=4", "training.steps=4", "training.precision=float32")


class WGAN(PlainTwin):
    def generator(self, g, z):
        x = g.transposed_conv("input_projection_transposed_conv", z[:, None, None, :], 1, "VALID")
        x = tf.nn.relu(g.batch_norm("input_normalization", x, 1e-5))
        for stage in ("stage1", "stage2"):
            x = tf.nn.relu(g.batch_norm(f"{stage}_normalization", g.transposed_conv(f"{stage}_upsample", x), 1e-5))
        return tf.tanh(g.transposed_conv("output_upsample", x))

    def discriminator(self, d, images):
        def halved(slot, x):
            # The source pads one pixel on each side.
            return d.conv(slot, tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 2, "VALID")

        x = leaky(halved("stage1_downsample", images))
        for stage in ("stage2", "stage3"):
            x = leaky(d.batch_norm(f"{stage}_normalization", halved(f"{stage}_downsample", x), 1e-5))
        return tf.reshape(d.conv("output_head_conv", x, 1, "VALID"), (-1, 1))

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)

    def g_loss(self, real_logits, fake_logits):
        return -tf.reduce_mean(fake_logits)

    def before_d(self):
        for weight in self.d.trainable:
            weight.assign(np.clip(weight, -0.01, 0.01))


def test_the_networks_compute_the_same(resolve):
    compare_networks(resolve("wgan-cifar32", *SMALL), WGAN)


@pytest.mark.slow
def test_a_step_leaves_the_same_variables(resolve, taken):
    # The published ε is 1e-8 outside of the root. Rounding errors of a gradient of 0 would move a weight as far as any.
    recipe = resolve("wgan-cifar32", *SMALL, "training.optimizer.epsilon=1e-10", "training.discriminator.updates=2")
    # Small kernels: of many weights that are clipped to ±0.01, sums can cancel to 0, where leaky ReLU has its kink.
    compare_step(recipe, WGAN, taken, lambda role: RMSProp(5e-5, 0.99, 1e-10), scale=0.05)
