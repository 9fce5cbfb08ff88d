"""``acgan-mnist28`` and ``cdcgan-mnist28`` against their networks and their step in plain TensorFlow.

The comments of the recipes list what the sources do and the recipes do not. Dropout is left out: it is random.
"""

from __future__ import annotations

import pytest
import tensorflow as tf
from plain_twins import Adam, PlainTwin, compare_networks, compare_step, cross_entropy, leaky, nearest

SMALL = ("data={use: npz, path: unread.npz}", "training.batch_size=4", "training.steps=4", "training.precision=float32")


class Digits(PlainTwin):
    """Both minimize the cross-entropy of real and generated."""

    def d_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.math.softplus(-real_logits)) + tf.reduce_mean(tf.math.softplus(fake_logits))

    def g_loss(self, real_logits, fake_logits):
        return tf.reduce_mean(tf.math.softplus(-fake_logits))


class ACGAN(Digits):
    def norm(self, p, slot, x):
        return p.batch_norm(f"{slot}_normalization", x, 1e-3, momentum=0.8)

    def generator(self, g, z, y):
        x = tf.nn.relu(g.dense("input_projection_dense", z * g.dense("input_conditioning/embedding", y)))
        x = self.norm(g, "input", tf.reshape(x, (len(z), 7, 7, 128)))
        for stage in ("stage1", "stage2"):
            x = self.norm(g, stage, tf.nn.relu(g.conv(f"{stage}_convolution", nearest(x))))
        return tf.tanh(g.conv("output_convolution", x))

    def discriminator(self, d, images, *y):
        x = leaky(d.conv("stage1_downsample", images, 2))
        x = tf.pad(d.conv("stage2_downsample_conv", x, 2), [[0, 0], [0, 1], [0, 1], [0, 0]])
        x = self.norm(d, "stage2", leaky(x))
        x = self.norm(d, "stage3", leaky(d.conv("stage3_downsample", x, 2)))
        x = tf.reshape(leaky(d.conv("stage4_downsample", x)), (len(x), 2048))
        return tf.concat([d.dense("output_head/dense", x), d.dense("output_head/classes", x)], 1)

    def d_class_loss(self, real_logits, fake_logits, real_classes):
        generated = tf.one_hot([10] * len(fake_logits), 11)
        return cross_entropy(real_logits, self.of_eleven(real_classes)) * 10 / 16 + (
            cross_entropy(fake_logits, generated) / 16
        )

    def g_class_loss(self, fake_logits, fake_classes):
        return cross_entropy(fake_logits, self.of_eleven(fake_classes)) * 10 / 16

    def of_eleven(self, classes):
        return tf.concat([classes, tf.zeros((len(classes), 1))], 1)


class CDCGAN(Digits):
    def norm(self, p, slot, x):
        return p.batch_norm(slot, x, 1e-5)

    def beside(self, x, y):
        """Put the class beside a vector, or as constant maps beside a map."""
        if len(x.shape) == 2:
            return tf.concat([x, y], 1)
        return tf.concat([x, tf.ones((*x.shape[:3], 1)) * y[:, None, None]], 3)

    def generator(self, g, z, y):
        def hidden(number, x):
            x = g.dense("input_projection" + number, self.beside(x, y))
            return tf.nn.relu(self.norm(g, "input_normalization" + number, x))

        x = tf.reshape(hidden("_2", hidden("", z)), (len(z), 7, 7, 128))
        x = g.transposed_conv("stage1_upsample", self.beside(x, y))
        x = tf.nn.relu(self.norm(g, "stage1_normalization", x))
        return tf.sigmoid(g.transposed_conv("output_upsample", self.beside(x, y)))

    def discriminator(self, d, images, y):
        x = leaky(d.conv("stage1_downsample", self.beside(images, y), 2))
        x = d.conv("stage2_downsample", self.beside(x, y), 2)
        x = tf.reshape(leaky(self.norm(d, "stage2_normalization", x)), (len(x), 3626))
        x = d.dense("output_head_hidden", self.beside(x, y))
        x = leaky(self.norm(d, "output_head_batch_normalization", x))
        return d.dense("output_head_dense", self.beside(x, y))


TWINS = [("acgan-mnist28", ACGAN, ("discriminator.regularizer=none",)), ("cdcgan-mnist28", CDCGAN, ())]


@pytest.mark.parametrize(("name", "twin", "changes"), TWINS)
def test_the_networks_compute_the_same(name, twin, changes, resolve):
    compare_networks(resolve(name, *SMALL, *changes), twin)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "twin", "changes"), TWINS)
def test_a_step_leaves_the_same_variables(name, twin, changes, resolve, taken):
    # With the published ε, rounding errors of a gradient that is 0 move a weight as far as any gradient does.
    recipe = resolve(name, *SMALL, *changes, "training.optimizer.epsilon=1e-5")
    compare_step(recipe, twin, taken, lambda role: Adam(2e-4, 0.5, 0.999, 1e-5))
