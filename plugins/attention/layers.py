"""The gate of self-attention, which stock Keras lacks."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="dcgan_kit")
class Gate(keras.layers.Layer):
    """Multiplies its input by one learned number, which starts at 0."""

    def build(self, input_shape: Any) -> None:
        """Make the number."""
        self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")

    def call(self, inputs: Any) -> Any:
        """Return gate · inputs.  (B, ...) → (B, ...)."""
        return self.gate * inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, ...) → (B, ...)."""
        return input_shape
