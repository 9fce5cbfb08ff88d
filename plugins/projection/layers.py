"""A learned map, which stock Keras lacks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dcgan_kit")
class LearnedMap(keras.layers.Layer):
    """Returns one learned map for every input, or the map with its channels multiplied by the input.

    Args:
        height: int ≥ 1, height of the map.
        width: int ≥ 1, width of the map.
        filters: int ≥ 1, channels of the map.
        modulated: whether the input, (B, filters), multiplies the channels; else only its batch size counts.
        initializer: draws the map (height, width, filters).
    """

    def __init__(self, height: int, width: int, filters: int, modulated: bool, initializer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height, self.width, self.filters = height, width, filters
        self.modulated = modulated
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: Any) -> None:
        """Draw the map."""
        self.map = self.add_weight(
            shape=(self.height, self.width, self.filters), initializer=self.initializer, name="map"
        )

    def call(self, inputs: Any) -> Any:
        """(B, N) → (B, height, width, filters)."""
        if self.modulated:
            return self.map * inputs[:, None, None, :]
        return ops.broadcast_to(self.map, (ops.shape(inputs)[0], self.height, self.width, self.filters))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, N) → (B, height, width, filters)."""
        return (input_shape[0], self.height, self.width, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "filters": self.filters,
            "modulated": self.modulated,
            "initializer": keras.initializers.serialize(self.initializer),
        }
