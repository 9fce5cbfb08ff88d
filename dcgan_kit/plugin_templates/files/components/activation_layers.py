"""Keras layers of the activations. The registration lets Keras load a saved generator."""

import keras


@keras.saving.register_keras_serializable(package="my_plugin")
class Snake(keras.layers.Layer):
    """Compute x + sin²(frequency · x) / frequency."""

    def __init__(self, frequency=1.0, **kwargs):
        super().__init__(**kwargs)
        self.frequency = frequency

    def call(self, inputs):
        return inputs + keras.ops.sin(self.frequency * inputs) ** 2 / self.frequency

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "frequency": self.frequency}
