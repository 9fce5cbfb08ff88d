"""Normalizations that Keras does not have."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dcgan_kit")
class CurrentBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization that uses the statistics of the current batch outside training too.

    It keeps the running statistics of its parent class and updates them in training, but never uses them.
    """

    follows_synchronized = True
    """In training, Keras' own layer reads ``synchronized`` at each call, so that training may set it for a call."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize over every axis but the last.  (B, ..., C) → (B, ..., C)."""
        if training and self.trainable:
            return super().call(inputs, training=training, mask=mask)
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean, variance = ops.moments(x, axes=list(range(len(x.shape) - 1)))
        outputs = ops.batch_normalization(
            x, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        return ops.cast(outputs, self.compute_dtype)


@keras.saving.register_keras_serializable(package="dcgan_kit")
class PixelNormalization(keras.layers.Layer):
    """Divides the channels of each pixel by their root mean square.

    Args:
        epsilon: float > 0, added to the mean square.
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs: Any) -> Any:
        """Return x / √(mean(x²) + epsilon), computed in float32.  (B, ..., C) → (B, ..., C)."""
        return ops.rms_normalization(inputs, axis=-1, epsilon=self.epsilon)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, ..., C) → (B, ..., C)."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}
