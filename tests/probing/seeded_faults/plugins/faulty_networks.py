"""Layers with one mistake each, for the seeded faults."""

import keras

from dcgan_kit import component, hookimpl


@keras.saving.register_keras_serializable("seeded_faults")
class Detached(keras.layers.Layer):
    """ReLU whose output is cut out of the gradient, as by ``detach()`` in the wrong place."""

    def call(self, inputs):
        return keras.ops.stop_gradient(keras.ops.relu(inputs))


@keras.saving.register_keras_serializable("seeded_faults")
class Dead(keras.layers.Layer):
    """ReLU behind a threshold that no normalized feature reaches."""

    def call(self, inputs):
        return keras.ops.relu(inputs - 30.0)


@keras.saving.register_keras_serializable("seeded_faults")
class Root(keras.layers.Layer):
    """A square root, which is NaN for every negative feature."""

    def call(self, inputs):
        return keras.ops.sqrt(inputs)


@keras.saving.register_keras_serializable("seeded_faults")
class Steep(keras.layers.Layer):
    """Tanh of inputs that are multiplied by 100."""

    def call(self, inputs):
        return keras.ops.tanh(100.0 * inputs)


@keras.saving.register_keras_serializable("seeded_faults")
class InferenceBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization that is called with ``training=False`` in training too."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


@keras.saving.register_keras_serializable("seeded_faults")
class Forgotten(keras.layers.Layer):
    """Zeros instead of the latent vector."""

    def call(self, inputs):
        return keras.ops.zeros_like(inputs)


@component("activation")
def detached_relu():
    """Apply ReLU and stop the gradient.  (B, ...) → (B, ...)."""
    return Detached()


@component("activation")
def dead_relu():
    """Apply ReLU far above every feature.  (B, ...) → (B, ...)."""
    return Dead()


@component("activation")
def root():
    """Take the square root.  (B, ...) → (B, ...)."""
    return Root()


@component("activation")
def steep_tanh():
    """Apply tanh to 100 x.  (B, ...) → (B, ...)."""
    return Steep()


@component("normalization")
def inference_batch():
    """Normalize with the running statistics only.  (B, ..., C) → (B, ..., C)."""
    return InferenceBatchNormalization(momentum=0.9, epsilon=1e-5)


@component("projection")
def without_latent(site):
    """Project zeros instead of the latent vector.  (B, N) → (B, 7, 7, filters)."""
    return [Forgotten(), site.dense(49 * site.filters), keras.layers.Reshape((7, 7, site.filters))]


@component("head")
def probability():
    """Return a probability where the loss expects a logit.  (B, H, W, C) → (B, 1)."""
    return [keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]


@component("constraint")
def frozen():
    """Leave ``trainable = False`` on, as after an update of the other network.  layer → layer."""

    def freeze(layer):
        layer.trainable = False
        return layer

    return freeze


@hookimpl
def dcgan_kit_components():
    return [detached_relu, dead_relu, root, steep_tanh, inference_batch, without_latent, probability, frozen]
