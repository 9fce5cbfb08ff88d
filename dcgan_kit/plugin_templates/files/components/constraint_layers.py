"""Keras layers of the constraints. The registration lets Keras load a saved generator."""

import keras
from dcgan_kit import Reparametrization


@keras.saving.register_keras_serializable(package="my_plugin")
class UnitNorm(Reparametrization):
    """Run a layer with its filters divided by their lengths."""

    def effective(self, kernel):
        return keras.ops.normalize(kernel.variable.value, axis=kernel.filter_axes)
