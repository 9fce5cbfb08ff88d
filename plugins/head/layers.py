"""The initializer of a depthwise kernel, which stock Keras lacks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="dcgan_kit")
class PerChannel(keras.initializers.Initializer):
    """Draws a depthwise kernel as that of a convolution with as many groups as channels.

    Each channel is then convolved by itself, and its fan_in is height · width. Keras would count all channels.

    Args:
        initializer: draws a kernel (height, width, 1, channels).
    """

    def __init__(self, initializer: Any) -> None:
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return a kernel of the given shape (height, width, channels, 1)."""
        height, width, channels, kernels = shape
        drawn = self.initializer((height, width, 1, channels * kernels), dtype=dtype)
        return ops.reshape(drawn, shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the initializer."""
        return {"initializer": keras.initializers.serialize(self.initializer)}
