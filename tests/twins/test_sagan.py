"""``sagan64-small`` against its networks and its step in plain TensorFlow.

The recipe's comment lists what the source does and the recipe does not.
"""

from __future__ import annotations

import pytest
import tensorflow as tf
from plain_twins import Adam, PlainTwin, compare_networks, compare_step, mean_pool, nearest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.keras_internals import layers_within

SMALL = ("data={use: npz, path: unread.npz}", "training.batch_size=4", "training.steps=4", "training.precision=float32")
NARROW = (
    *SMALL, "generator.input.filters=16", *(f"generator.stages.up{side}.filters=16" for side in (8, 16, 32, 64)),
    *(f"discriminator.stages.{name}.filters=16" for name in ("down16", "down8", "down4", "widen")),
)  # fmt: skip
RATES = {"generator": 1e-4, "discriminator": 4e-4}


class SAGAN(PlainTwin):
    def attended(self, p, x):
        def mixed(name):
            return p.conv(f"look32_attention/{name}", x)

        def rows(x):
            return tf.reshape(x, (len(x), -1, x.shape[-1]))

        phi, g = (rows(tf.nn.max_pool2d(mixed(name), 2, 2, "VALID")) for name in ("phi", "g"))
        weights = tf.nn.softmax(tf.einsum("bic,bjc->bij", rows(mixed("theta")), phi))
        seen = tf.reshape(tf.einsum("bij,bjc->bic", weights, g), (*x.shape[:3], -1))
        return x + p("look32_attention/gate", "gate") * p.conv("look32_attention/output", seen)

    def generator(self, g, z, y):
        def activated(slot, x):
            return tf.nn.relu(g.conditional_batch_norm(slot, x, y, 1e-5, momentum=0.999))

        x = tf.reshape(g.dense("input_projection_dense", z), (len(z), 4, 4, -1))
        for side in (8, 16, 32, 64):
            h = g.conv(f"up{side}_convolution", nearest(activated(f"up{side}_normalization", x)))
            h = g.conv(f"up{side}_convolution_2", activated(f"up{side}_normalization_2", h))
            x = h + g.conv(f"up{side}_shortcut_convolution", nearest(x))
            x = self.attended(g, x) if side == 32 else x
        x = tf.nn.relu(g.batch_norm("output_normalization", x, 1e-5, momentum=0.9999))
        return tf.tanh(g.conv("output_convolution", x))

    def discriminator(self, d, images, y):
        def both(stage, x):
            return d.conv(f"{stage}_convolution_2", tf.nn.relu(d.conv(f"{stage}_convolution", x)))

        x = mean_pool(both("down32", images)) + d.conv("down32_shortcut_convolution", mean_pool(images))
        x = self.attended(d, x)
        for stage in ("down16", "down8", "down4"):
            x = mean_pool(both(stage, tf.nn.relu(x))) + mean_pool(d.conv(f"{stage}_shortcut_convolution", x))
        x = both("widen", tf.nn.relu(x)) + d.conv("widen_shortcut_convolution", x)
        h = tf.reduce_sum(tf.nn.relu(x), (1, 2))
        fit = tf.reduce_sum(d.dense("output_head/embedding", y) * h, 1, keepdims=True)
        return d.dense("output_head/dense", h) + fit

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.nn.relu(1 - real_logits)) + tf.reduce_mean(tf.nn.relu(1 + fake_logits))

    def g_loss(self, real_logits, fake_logits):
        return -tf.reduce_mean(fake_logits)


def test_the_networks_compute_the_same(resolve):
    compare_networks(resolve("sagan64-small", *SMALL), SAGAN)


@pytest.mark.slow
def test_a_step_leaves_the_same_variables(resolve, taken):
    # With the published ε of 1e-8, rounding errors of a gradient that is 0 move a weight as far as any gradient does.
    recipe = resolve("sagan64-small", *NARROW, "training.optimizer.epsilon=1e-5")
    compare_step(recipe, SAGAN, taken, lambda role: Adam(RATES[role], 0.0, 0.999, 1e-5))


def test_both_gates_start_closed_and_every_kernel_is_divided_by_its_norm(resolve):
    networks = build_networks(resolve("sagan64-small"), symbolic=True)
    for network in (networks.generator, networks.discriminator):
        layers = layers_within(network.model)
        assert sum(type(layer).__name__ == "Gate" for layer in layers) == 1
        assert not any(part.unconstrained for part in network.parts)
