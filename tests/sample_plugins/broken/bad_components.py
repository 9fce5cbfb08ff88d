"""Loads, and breaks its contracts when it is used: each component in another way."""

from dcgan_kit import component, hookimpl


@component("activation")
def halves():
    """Changes the shape."""
    from keras import layers

    return layers.Lambda(lambda x: x[..., ::2])


@component("upsample")
def wrong_channels(site):
    """Returns one channel more than it was asked for."""
    return site.transposed_conv(site.filters + 1)


@component("downsample")
def grows():
    """Makes the map larger instead of smaller."""
    from keras import layers

    return layers.UpSampling2D(2)


@component("normalization")
def no_layer():
    """Returns no layer."""
    return "layers.BatchNormalization()"


@component("activation")
def raises_in_factory(*, level: int = 3):
    """Raises when it is built."""
    raise KeyError(f"level {level}")


@component("activation")
def raises_in_call():
    """Raises when it is applied."""
    import keras

    class Raises(keras.layers.Layer):
        def call(self, inputs):
            raise ZeroDivisionError("by nought")

    return Raises()


@component("activation")
def two_outputs():
    """Returns two tensors."""
    import keras

    class Two(keras.layers.Layer):
        def call(self, inputs):
            return inputs, inputs

    return Two()


@component("head")
def many_logits(site):
    """Returns ten logits."""
    from keras import layers

    return [layers.Flatten(), site.dense(10)]


_SHARED = []


@component("activation")
def shared():
    """Returns the same layer each time."""
    from keras import layers

    if not _SHARED:
        _SHARED.append(layers.PReLU())
    return _SHARED[0]


@component("activation")
def explodes():
    """Gives infinities."""
    from keras import layers

    return layers.Lambda(lambda x: x / (x - x))


@component("activation")
def steep():
    """Is finite, with a gradient that is not, at 0."""
    from keras import layers, ops

    return layers.Lambda(lambda x: ops.sqrt(ops.abs(x - ops.stop_gradient(x))))


@component("activation")
def unsaved(*, slope: float = 0.5):
    """Cannot be saved: its layer says nothing of its argument."""
    import keras

    class Unsaved(keras.layers.Layer):
        def __init__(self, slope):
            super().__init__()
            self.slope = slope

        def call(self, inputs):
            return inputs * self.slope

    return Unsaved(slope)


@component("activation")
def fails_in_training():
    """Raises while the training step is traced, and not before."""
    import keras

    class FailsInTraining(keras.layers.Layer):
        def call(self, inputs, training=False):
            if training:
                raise ValueError("no training for me")
            return inputs

    return FailsInTraining()


@component("activation")
def fails_in_the_step(*, at: int = 3):
    """Fails inside the compiled step, at the third call."""
    import keras
    import tensorflow as tf

    class FailsInTheStep(keras.layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)

        def call(self, inputs, training=False):
            if training:
                self.calls.assign_add(1.0)
                check = tf.debugging.Assert(self.calls.value < at, ["third time unlucky"])
                if check is not None:
                    with tf.control_dependencies([check]):
                        return tf.identity(inputs)
            return inputs

    return FailsInTheStep()


@component("initializer")
def no_initializer(seed: int):
    """Returns no initializer."""
    return seed


@component("latent")
def short(*, size: int = 10):
    """Draws vectors that are too short."""
    import tensorflow as tf

    return lambda count, seed: tf.random.stateless_normal((count, size - 1), seed)


@component("latent")
def forgetful(*, size: int = 10):
    """Draws other vectors each time, whatever the seed."""
    import tensorflow as tf

    return lambda count, seed: tf.random.normal((count, size))


@component("loss")
def no_loss():
    """Returns a function instead of two."""
    return lambda real, fake: 0.0


@component("loss")
def vector_loss():
    """Returns a number for each image instead of one."""
    from dcgan_kit import AdversarialLoss

    return AdversarialLoss(lambda real, fake, random: -fake, lambda real, fake, random: fake - real)


@component("loss")
def moody_loss():
    """Draws labels by itself, others each time."""
    import tensorflow as tf

    from dcgan_kit import AdversarialLoss

    def discriminator(real, fake, random):
        return tf.reduce_mean(fake * tf.random.uniform(fake.shape))

    return AdversarialLoss(lambda real, fake, random: -tf.reduce_mean(fake), discriminator)


@component("loss")
def half_loss():
    """Returns float16."""
    import tensorflow as tf

    from dcgan_kit import AdversarialLoss

    def mean(real, fake, random):
        return tf.cast(tf.reduce_mean(fake), tf.float16)

    return AdversarialLoss(mean, mean)


@component("penalty")
def no_penalty():
    """Returns the function alone."""
    return lambda discriminator, real, fake, random: 0.0


@component("penalty")
def vector_penalty():
    """Returns a number for each image."""
    from dcgan_kit import Penalty

    return Penalty(lambda discriminator, real, fake, random: discriminator(real) ** 2)


@component("penalty")
def rare_penalty():
    """Says that it never comes."""
    import tensorflow as tf

    from dcgan_kit import Penalty

    return Penalty(lambda discriminator, real, fake, random: tf.reduce_mean(discriminator(real) ** 2), every=0)


@component("penalty")
def steep_penalty():
    """Takes the root of squared gradients, whose gradient is infinite where they are 0."""
    import tensorflow as tf

    from dcgan_kit import Penalty

    def value(discriminator, real, fake, random):
        with tf.GradientTape() as tape:
            tape.watch(real)
            logits = discriminator(real)
        squares = tf.reduce_sum(tape.gradient(logits, real) ** 2, [1, 2, 3])
        return tf.reduce_mean((tf.sqrt(squares) - 1.0) ** 2)

    return Penalty(value)


@component("penalty")
def deaf_penalty():
    """Has nothing to do with D."""
    import tensorflow as tf

    from dcgan_kit import Penalty

    return Penalty(lambda discriminator, real, fake, random: tf.reduce_mean((real - fake) ** 2))


@component("penalty")
def wrong_penalty():
    """Adds images to logits."""
    import tensorflow as tf

    from dcgan_kit import Penalty

    return Penalty(lambda discriminator, real, fake, random: tf.reduce_mean(tf.concat([discriminator(real), real], 1)))


@component("augmentation")
def no_augmentation():
    """Returns images as they are, without being asked."""
    return lambda images: images


@component("augmentation")
def crops():
    """Returns smaller images."""
    from dcgan_kit import Augmentation

    return Augmentation(lambda images, probability, random: images[:, 1:])


@component("augmentation")
def restless():
    """Changes images whatever the probability."""
    from dcgan_kit import Augmentation

    return Augmentation(lambda images, probability, random: -images)


@component("augmentation")
def rounds():
    """Lets no gradient through."""
    import tensorflow as tf

    from dcgan_kit import Augmentation

    return Augmentation(lambda images, probability, random: tf.stop_gradient(images))


@component("augmentation")
def certain():
    """Begins with a probability above 1."""
    from dcgan_kit import Augmentation

    return Augmentation(lambda images, probability, random: images, state=(2.0,))


@component("augmentation")
def stateless():
    """Remembers nothing, not even a probability."""
    from dcgan_kit import Augmentation

    return Augmentation(lambda images, probability, random: images, state=())


@component("augmentation")
def growing():
    """Remembers more at each update."""
    import tensorflow as tf

    from dcgan_kit import Augmentation

    def adapt(state, real_logits):
        return tf.concat([state, state], 0)

    return Augmentation(lambda images, probability, random: images, (0.0,), adapt)


@component("augmentation")
def runaway():
    """Lets its probability rise without end."""
    from dcgan_kit import Augmentation

    def adapt(state, real_logits):
        return state + 0.3

    return Augmentation(lambda images, probability, random: images, (0.0,), adapt)


@component("schedule")
def no_schedule():
    """Returns a number."""
    return 0.5


@component("schedule")
def negative_schedule():
    """Falls below 0."""
    return lambda step, steps: 1.0 - 2.0 * step / steps


@component("schedule")
def endless_schedule():
    """Divides by the steps that remain, which are 0 at the end."""
    return lambda step, steps: 1.0 / (steps - step)


@component("schedule")
def whole_schedule():
    """Returns a whole number."""
    return lambda step, steps: 1


@component("probe")
def no_probe():
    """Returns a function."""
    return lambda context: {}


@component("probe")
def placeless():
    """Gives a number without a place."""
    from dcgan_kit import Probe

    return Probe(lambda context: {"size": 1.0})


@component("probe")
def endless_probe():
    """Divides by nought."""
    from dcgan_kit import Probe

    return Probe(lambda context: {"generator/size": float("inf")})


@component("probe")
def moody_probe():
    """Says something else each time."""
    import itertools

    from dcgan_kit import Probe

    numbers = itertools.count()
    return Probe(lambda context: {"generator/size": next(numbers)})


@component("probe")
def surgeon():
    """Cuts a weight off."""
    from dcgan_kit import Probe

    def measure(context):
        weight = context.discriminator[0].layers[0].trainable_weights[0]
        weight.assign(weight * 0.5)
        return {"discriminator/cut": 0.0}

    return Probe(measure)


@component("probe")
def quack():
    """Finds an illness that is no Finding."""
    from dcgan_kit import Probe

    return Probe(lambda context: {"generator/size": 1.0}, lambda readings, first: ["sick"])


@component("optimizer")
def no_optimizer():
    """Returns the name of an optimizer."""
    return "adam"


@component("constraint")
def no_constraint():
    """Returns a layer instead of a function."""
    return 7


@component("data")
def floats(spec):
    """Returns pixels that are no bytes."""
    import numpy as np

    from dcgan_kit import Images

    return Images(np.zeros((10, *spec.shape)))


@component("data")
def other_size(spec):
    """Returns images of another size."""
    import numpy as np

    from dcgan_kit import Images

    return Images(np.zeros((10, spec.height + 1, spec.width, spec.channels), np.uint8))


@component("data")
def nothing(spec):
    """Returns an empty set."""
    import numpy as np

    from dcgan_kit import Images

    return Images(np.zeros((0, *spec.shape), np.uint8))


@component("data")
def few_labels(spec):
    """Returns fewer labels than images."""
    import numpy as np

    from dcgan_kit import Images

    return Images(np.zeros((10, *spec.shape), np.uint8), np.zeros(9, np.int64))


@component("data")
def bare_array(spec):
    """Returns an array instead of Images."""
    import numpy as np

    return np.zeros((10, *spec.shape), np.uint8)


@component("data")
def raises(spec):
    """Raises while it loads."""
    raise ConnectionError("the bucket is on fire")


@hookimpl
def dcgan_kit_components():
    from dcgan_kit import Component

    return [value for value in globals().values() if isinstance(value, Component)]
