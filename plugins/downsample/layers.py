"""Downsampling layers that Keras does not have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dcgan_kit")
class BlurPool(keras.layers.Layer):
    """Blurs each channel with a fixed binomial filter and keeps every stride-th pixel.

    Args:
        size: int ≥ 2, side of the filter. 3 gives (1, 2, 1) / 4 in each direction.
        stride: int ≥ 1.
    """

    def __init__(self, size: int = 3, stride: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.stride = stride

    def call(self, inputs: Any) -> Any:
        """Reflect the border, filter, subsample.  (B, H, W, C) → (B, ⌈H/stride⌉, ⌈W/stride⌉, C)."""
        before, after = (self.size - 1) // 2, self.size // 2
        padded = ops.pad(inputs, ((0, 0), (before, after), (before, after), (0, 0)), mode="reflect")
        row = np.array([math.comb(self.size - 1, k) for k in range(self.size)]) / 2 ** (self.size - 1)
        kernel = np.broadcast_to(np.outer(row, row)[:, :, None, None], (self.size, self.size, inputs.shape[-1], 1))
        return ops.depthwise_conv(padded, ops.convert_to_tensor(kernel, inputs.dtype), strides=self.stride)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H, W, C) → (B, ⌈H/stride⌉, ⌈W/stride⌉, C)."""
        batch, height, width, channels = input_shape
        return (batch, -(-height // self.stride), -(-width // self.stride), channels)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "size": self.size, "stride": self.stride}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class FIRDownsample(keras.layers.Layer):
    """Halves height and width with a fixed filter, the same along both axes; the border is padded with zeros.

    Args:
        taps: at least two numbers; they are divided by their sum, so that a constant stays constant inside.
    """

    def __init__(self, taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taps = [float(tap) for tap in taps]

    def call(self, inputs: Any) -> Any:
        """Pad (taps - 1) / 2 zeros, rounded down, on each side, filter, keep every second pixel.

        (B, H, W, C) → (B, H/2, W/2, C); odd sides are rounded down for an even number of taps, else up.
        """
        count = len(self.taps)
        around = ((count - 1) // 2, (count - 1) // 2)
        padded = ops.pad(inputs, ((0, 0), around, around, (0, 0)))
        row = np.array(self.taps) / sum(self.taps)
        kernel = np.broadcast_to(np.outer(row, row)[:, :, None, None], (count, count, inputs.shape[-1], 1))
        return ops.depthwise_conv(padded, ops.convert_to_tensor(kernel, inputs.dtype), strides=2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H, W, C) → (B, H/2, W/2, C)."""
        batch, height, width, channels = input_shape
        odd = len(self.taps) % 2
        return (batch, (height + odd) // 2, (width + odd) // 2, channels)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "taps": self.taps}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class SpaceToDepth(keras.layers.Layer):
    """Moves each block of pixels into the channels.

    Channel c of pixel (i, j) of a block becomes channel (i · block_size + j) · C + c, as in ``tf.nn.space_to_depth``.

    Args:
        block_size: int ≥ 1; must divide height and width.
    """

    def __init__(self, block_size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block_size = block_size

    def call(self, inputs: Any) -> Any:
        """(B, H, W, C) → (B, H/block_size, W/block_size, block_size² C)."""
        _, rows, columns, depth = self.compute_output_shape(inputs.shape)
        side = self.block_size
        blocks = ops.reshape(inputs, (-1, rows, side, columns, side, inputs.shape[-1]))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, depth))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H, W, C) → (B, H/block_size, W/block_size, block_size² C)."""
        batch, height, width, channels = input_shape
        return (batch, height // self.block_size, width // self.block_size, channels * self.block_size**2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "block_size": self.block_size}
