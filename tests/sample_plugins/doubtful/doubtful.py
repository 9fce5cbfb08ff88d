"""Components that look right and are not: each loads, builds, and gives finite numbers of the right shape.

And, at the end, some that look wrong and are right.
"""

from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from dcgan_kit import AdversarialLoss, Augmentation, Penalty, component, hookimpl

COMPONENTS = []


@keras.saving.register_keras_serializable(package="doubtful")
class Doubtful(layers.Layer):
    """Applies one of the functions below, by its name."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return FUNCTIONS[self.function](inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "function": self.function}


FUNCTIONS = {}
CALLS = []
TRACES = []


def offered(kind, **declared):
    """Offer a factory as a component of a kind."""

    def offer(factory):
        made = component(kind, **declared)(factory)
        COMPONENTS.append(made)
        return made

    return offer


def function(kind, **declared):
    """Offer a function of a tensor as a layer."""

    def offer(of):
        FUNCTIONS[of.__name__] = of

        def factory():
            return Doubtful(of.__name__)

        factory.__name__, factory.__doc__ = of.__name__, of.__doc__
        return offered(kind, **declared)(factory)

    return offer


@function("activation")
def stopped(x):
    """Stop the gradient."""
    return ops.relu(ops.stop_gradient(x))


@function("activation")
def rounded(x):
    """Round."""
    return ops.round(x)


@function("activation")
def signs(x):
    """Keep the sign."""
    return ops.sign(x)


@function("activation")
def compared(x):
    """Compare."""
    return ops.cast(x > 0, x.dtype)


@function("activation")
def by_numpy(x):
    """Let NumPy compute."""
    result = tf.numpy_function(lambda a: np.maximum(a, 0), [x], x.dtype)
    result.set_shape(x.shape)
    return result


@function("activation")
def by_python(x):
    """Let Python compute; gradients pass."""
    result = tf.py_function(lambda a: tf.nn.relu(a), [x], x.dtype)
    result.set_shape(x.shape)
    return result


@function("activation", without_xla="it calls Python")
def declared(x):
    """Let Python compute, and say so."""
    return FUNCTIONS["by_python"](x)


@function("activation")
def printed(x):
    """Make text of it on the way, which XLA has not."""
    length = tf.strings.length(tf.strings.as_string(tf.reduce_sum(tf.stop_gradient(x))))
    return tf.nn.relu(x) + tf.cast(length, x.dtype) * 0


@function("activation")
def adds_constant(x):
    """Add a constant in float32."""
    return tf.nn.relu(x) + tf.constant(0.1, tf.float32)


@function("activation")
def multiplies_array(x):
    """Multiply by a float32 tensor of Keras', which wins over half precision."""
    return ops.relu(x) * ops.convert_to_tensor(np.float32(0.5))


@function("activation")
def overflows_in_half(x):
    """Pass through numbers that float16 does not have."""
    return ops.tanh(x) * 1e5 / 1e4


@function("activation")
def doubles(x):
    """Return float64."""
    return ops.cast(ops.relu(x), "float64")


@function("activation")
def eager_only(x):
    """Do something else where Python runs it."""
    return x * 2.0 if tf.executing_eagerly() and not isinstance(x, keras.KerasTensor) else x


@function("activation")
def counts(x):
    """Count its calls in Python."""
    CALLS.append(1)
    return x * float(len(CALLS))


@function("activation")
def by_chance(x):
    """Draw noise, outside training too."""
    return x + tf.random.normal(tf.shape(x), dtype=x.dtype)


@function("regularizer")
def fixed_batch(x):
    """Know the number of images."""
    return x + 0.0 * tf.ones((4, 1, 1, 1), x.dtype)


@function("downsample")
def largest_place(x):
    """Say where the channels are largest."""
    place = ops.cast(ops.argmax(x, axis=-1, keepdims=True), x.dtype)
    return ops.repeat(place, x.shape[-1], axis=-1)


@function("upsample")
def quantized(x):
    """Round to 256 levels."""
    return ops.cast(ops.cast(x * 127.0, "int32"), x.dtype) / 127.0


@keras.saving.register_keras_serializable(package="doubtful")
class Hidden(layers.Layer):
    """Has a variable of TensorFlow's, of which Keras knows nothing."""

    def build(self, shape):
        self.box = {"gain": tf.Variable(1.0)}

    def call(self, inputs):
        return inputs * tf.cast(self.box["gain"], inputs.dtype)


@offered("activation")
def hidden_variable():
    """Learn a gain that nobody saves."""
    return Hidden()


@keras.saving.register_keras_serializable(package="doubtful")
class HiddenCount(Hidden):
    """The same, and it does not learn."""

    def build(self, shape):
        self.box = {"gain": tf.Variable(1.0, trainable=False)}


@offered("normalization")
def hidden_state():
    """Keep a number that nobody saves."""
    return HiddenCount()


@keras.saving.register_keras_serializable(package="doubtful")
class Unused(layers.Layer):
    """Has a weight that it does not use."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return ops.relu(inputs)


@offered("activation")
def unused_weight():
    """Learn nothing."""
    return Unused()


@keras.saving.register_keras_serializable(package="doubtful")
class Detached(layers.Conv2D):
    """Stops the gradient of its kernel."""

    def call(self, inputs):
        kernel = tf.cast(tf.stop_gradient(self.kernel.value), inputs.dtype)
        return tf.nn.conv2d(inputs, kernel, 1, "SAME") + tf.cast(self.bias.value, inputs.dtype)


@offered("convolution")
def detached_kernel(site):
    """Convolve with a kernel that does not learn."""
    return Detached(site.filters, 3, padding="same", kernel_initializer=site.initializer(site.seed("kernel")))


@keras.saving.register_keras_serializable(package="doubtful")
class Forgetful(layers.Layer):
    """Its configuration lacks what only training uses."""

    def __init__(self, strength=1.0, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def call(self, inputs, training=False):
        return inputs * self.strength if training else inputs

    def get_config(self):
        return super().get_config()


@offered("regularizer")
def forgets_option():
    """Strengthen in training."""
    return Forgetful(3.0)


@offered("regularizer")
def unseeded_dropout():
    """Drop without a seed."""
    return layers.Dropout(0.5)


@keras.saving.register_keras_serializable(package="doubtful")
class AlwaysDropout(layers.Dropout):
    """Drops outside training too."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=True)


@offered("regularizer")
def always_dropout(site):
    """Drop always."""
    return AlwaysDropout(0.5, seed=site.seed("dropout"))


@offered("normalization")
def over_rows():
    """Take the first axis of the map for its channels."""
    return layers.BatchNormalization(axis=1)


@offered("activation")
def lambda_layer():
    """Be a function that no file can hold."""
    return layers.Lambda(lambda x: ops.relu(x))


@keras.saving.register_keras_serializable(package="doubtful")
class Silent(layers.Layer):
    """Has an argument, and says nothing of it."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


@offered("activation")
def no_config():
    """Be built from what cannot be written."""
    return Silent(lambda x: ops.relu(x))


@keras.saving.register_keras_serializable(package="doubtful")
class Opaque(layers.Layer):
    """Its configuration holds what JSON has not."""

    def __init__(self, thing=None, **kwargs):
        super().__init__(**kwargs)
        self.thing = thing

    def call(self, inputs):
        return ops.relu(inputs)

    def get_config(self):
        return {**super().get_config(), "thing": object()}


@offered("activation")
def opaque_config():
    """Be written in what no file can hold."""
    return Opaque()


@keras.saving.register_keras_serializable(package="doubtful")
class Fickle(layers.Layer):
    """Fails in training only."""

    def call(self, inputs, training=False):
        if training:
            raise ValueError("not in training")
        return inputs


@offered("regularizer")
def fails_in_training():
    """Raise in training."""
    return Fickle()


@keras.saving.register_keras_serializable(package="doubtful")
class Looks(layers.Layer):
    """Lets Python's if see a tensor in training."""

    def call(self, inputs, training=False):
        if training and tf.reduce_mean(inputs) > 0.0:
            return inputs * 2.0
        return inputs


@offered("regularizer")
def looks_at_tensors():
    """Decide by what comes."""
    return Looks()


@offered("projection")
def stopped_latent(site):
    """Project, without a gradient by the latent vector."""
    return [Doubtful("stopped"), layers.Dense(4 * 4 * site.filters, kernel_initializer=site.initializer(1)),
            layers.Reshape((4, 4, site.filters))]  # fmt: skip


@offered("head")
def signed_logit(site):
    """Say only real or not."""
    return [layers.Flatten(), site.dense(1), Doubtful("signs")]


@offered("loss")
def stopped_loss():
    """Hold generated logits fixed in G's loss."""
    return AdversarialLoss(
        lambda real, fake, random: tf.reduce_mean(tf.stop_gradient(fake)) + 0.0 * tf.reduce_sum(fake),
        lambda real, fake, random: tf.reduce_mean(fake - real),
    )


@offered("loss")
def deaf_loss():
    """Ignore real images in D's loss."""
    return AdversarialLoss(
        lambda real, fake, random: tf.reduce_mean(-fake), lambda real, fake, random: tf.reduce_mean(fake)
    )


@offered("loss")
def python_loss():
    """Let Python compute the loss."""

    def mean(x):
        result = tf.py_function(tf.reduce_mean, [x], tf.float32)
        result.set_shape(())
        return result

    return AdversarialLoss(lambda r, f, n: mean(-f), lambda r, f, n: mean(f) - mean(r))


@offered("loss", without_xla="it calls Python")
def declared_loss():
    """Let Python compute the loss, and say so."""
    return python_loss()


@offered("penalty")
def flat_penalty():
    """Punish the sign."""
    return Penalty(
        lambda discriminator, real, fake, random: tf.reduce_mean(
            tf.sign(discriminator(real)) * 0.0 + discriminator(real) * 0.0
        )
    )


@offered("augmentation")
def stopped_augmentation():
    """Return images that no gradient passes."""
    return Augmentation(lambda images, probability, random: tf.stop_gradient(images) + 0.0 * images)


class CountingSGD(keras.optimizers.SGD):
    """Keeps in Python how many steps it took."""

    steps_taken = 0

    def update_step(self, gradient, variable, learning_rate):
        self.steps_taken += 1
        variable.assign_sub(learning_rate * gradient * float(self.steps_taken))


@offered("optimizer")
def counting_optimizer():
    """Move farther at each step."""
    return CountingSGD(0.01)


# What looks wrong and is right.


@function("activation")
def straight_through(x):
    """Round, and let the gradient through as if not."""
    return x + ops.stop_gradient(ops.round(x) - x)


@keras.saving.register_keras_serializable(package="doubtful")
class Gate(layers.Layer):
    """Opens as it learns."""

    def build(self, shape):
        self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs + self.gate * self.gain * ops.tanh(inputs)


@offered("activation")
def closed_gate():
    """Add what a gate lets through, nothing at first."""
    return Gate()


@keras.saving.register_keras_serializable(package="doubtful")
class Counted(layers.Layer):
    """Counts steps in a weight that does not learn."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs, training=False):
        if training:
            self.count.assign_add(1.0)
        return inputs / (1.0 + 0.0 * ops.cast(self.count, inputs.dtype))


@offered("regularizer")
def counted_steps():
    """Count, where checkpoints hold it."""
    return Counted()


@offered("convolution")
def frozen_convolution(site):
    """Convolve with a kernel that is not to learn."""
    conv = site.conv(bias=False)
    conv.trainable = False
    return conv


@function("activation")
def traced_gradient(x):
    """Pass another gradient on each time that it is traced."""
    TRACES.append(x)
    factor = float(len(TRACES))

    @tf.custom_gradient
    def applied(x):
        return tf.nn.relu(x), lambda upstream: upstream * tf.cast(factor, x.dtype) * tf.cast(x > 0, x.dtype)

    return applied(x)


@offered("loss")
def traced_loss():
    """Pass other gradients on each time that it is traced."""

    def of_generator(real, fake, random):
        TRACES.append(fake)
        factor = float(len(TRACES))

        @tf.custom_gradient
        def applied(fake):
            return -tf.reduce_mean(fake), lambda upstream: -factor * upstream * tf.ones_like(fake) / fake.shape[0]

        return applied(fake)

    def of_discriminator(real, fake, random):
        return tf.reduce_mean(fake) - tf.reduce_mean(real)

    return AdversarialLoss(of_generator, of_discriminator)


@keras.saving.register_keras_serializable(package="doubtful")
class Resized(layers.Layer):
    """Interpolate linearly, where no rule sees it."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        resized = tf.image.resize(inputs, [side * self.factor for side in inputs.shape[1:3]])
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] * self.factor, shape[2] * self.factor, shape[3])

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@offered("upsample")
def hidden_resize(*, factor: Literal[2, 3] = 2):
    """Interpolate linearly, which XLA computes wrongly at one of the factors."""
    return Resized(factor)


@offered("head")
def exact_logit(site):
    """Compute the logit in float32 whatever comes."""
    return [layers.Flatten(), site.dense(1), Doubtful("exact")]


FUNCTIONS["exact"] = lambda x: ops.cast(x, "float32")


@offered("penalty")
def one_sided():
    """Punish only slopes above 1: nothing at a gentle discriminator."""

    def value(discriminator, real, fake, random):
        with tf.GradientTape() as tape:
            tape.watch(real)
            logits = discriminator(real)
        slope = tf.sqrt(tf.reduce_sum(tape.gradient(logits, real) ** 2, (1, 2, 3)) + 1e-12)
        return tf.reduce_mean(tf.maximum(slope - 1.0, 0.0) ** 2)

    return Penalty(value)


@offered("augmentation")
def all_cut_out():
    """Cut the whole image out, by chance."""

    def transform(images, probability, random):
        cut = tf.cast(random.uniform((images.shape[0], 1, 1, 1)) < probability, images.dtype)
        return images * (1.0 - cut)

    return Augmentation(transform)


@hookimpl
def dcgan_kit_components():
    return COMPONENTS
