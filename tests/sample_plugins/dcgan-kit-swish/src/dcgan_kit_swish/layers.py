"""What imports Keras, and is therefore imported only when a network is built."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dcgan_kit_swish")
class MishLike(keras.layers.Layer):
    """x tanh(softplus(sharpness x))."""

    def __init__(self, sharpness=1.0, **kwargs):
        super().__init__(**kwargs)
        self.sharpness = sharpness

    def call(self, inputs):
        return inputs * ops.tanh(ops.softplus(self.sharpness * inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "sharpness": self.sharpness}


@keras.saving.register_keras_serializable(package="dcgan_kit_swish")
class ScaledRepeat(keras.layers.Layer):
    """Repeats rows and columns and scales each channel."""

    def __init__(self, factor=(2, 2), **kwargs):
        super().__init__(**kwargs)
        self.factor = tuple(factor)

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        tall = ops.repeat(inputs, self.factor[0], axis=1)
        return ops.repeat(tall, self.factor[1], axis=2) * self.gain

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height * self.factor[0], width * self.factor[1], channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Diary(keras.callbacks.Callback):
    """Writes a line for each event."""

    def __init__(self, file, name):
        super().__init__()
        self.file = file
        self.name = name

    def _write(self, line):
        with self.file.open("a") as stream:
            stream.write(line + "\n")

    def on_train_begin(self, logs=None):
        self._write(f"begin {self.name} {self.model.name}")

    def on_train_batch_end(self, batch, logs=None):
        self._write(f"step {batch} {sorted(logs)[0]}")

    def on_train_end(self, logs=None):
        written = self.file.with_name("generator.keras").exists()
        self._write("end, with generator.keras" if written else "end")
