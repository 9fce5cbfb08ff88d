"""Pixel shuffle and filtered upsampling: the layers and the initializer that stock Keras lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dcgan_kit")
class DepthToSpace(keras.layers.Layer):
    """Moves channels into blocks of pixels.

    Channel (i · factor + j) · C + c becomes channel c of pixel (i, j) of a block, as in ``tf.nn.depth_to_space``.

    Args:
        factor: int ≥ 1; its square must divide the number of channels.
    """

    def __init__(self, factor: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        """(B, H, W, factor² C) → (B, factor H, factor W, C)."""
        _, rows, columns, _ = inputs.shape
        _, height, width, channels = self.compute_output_shape(inputs.shape)
        blocks = ops.reshape(inputs, (-1, rows, columns, self.factor, self.factor, channels))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H, W, factor² C) → (B, factor H, factor W, C)."""
        batch, rows, columns, depth = input_shape
        return (batch, rows * self.factor, columns * self.factor, depth // self.factor**2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class FIRUpsample(keras.layers.Layer):
    """Doubles height and width with a fixed filter, the same along both axes; the border is padded with zeros.

    It is a transposed convolution at stride 2 of each channel. A new pixel only meets every second tap. So each axis is
    computed in two phases, even and odd pixels, which needs no zeros between the pixels.

    Args:
        taps: at least two numbers; they are divided by half of their sum, so that a constant stays constant inside.
    """

    def __init__(self, taps: Sequence[float] = (1.0, 3.0, 3.0, 1.0), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.taps = [float(tap) for tap in taps]

    def call(self, inputs: Any) -> Any:
        """(B, H, W, C) → (B, 2H, 2W, C)."""
        return self.doubled(self.doubled(inputs, 1), 2)

    def doubled(self, x: Any, axis: int) -> Any:
        """Double one axis: pixel 2q + r becomes the sum of tap · x[q + (r + cut - tap's index) / 2]."""
        count, side = len(self.taps), x.shape[axis]
        # As many pixels are cut off before the first one as torch's padding=(count - 1) // 2 does.
        cut, reach = (count - 1) // 2, (count + 1) // 2
        padded = ops.pad(x, [(reach, reach) if each == axis else (0, 0) for each in range(4)])
        phases = []
        for phase in (0, 1):
            terms = []
            for index in range((phase + cut) % 2, count, 2):
                start = reach + (phase + cut - index) // 2
                moved = padded[:, start : start + side] if axis == 1 else padded[:, :, start : start + side]
                terms.append(2 * self.taps[index] / sum(self.taps) * moved)
            phases.append(sum(terms[1:], terms[0]))
        doubled = list(x.shape)
        doubled[axis] *= 2
        return ops.reshape(ops.stack(phases, axis + 1), (-1, *doubled[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H, W, C) → (B, 2H, 2W, C)."""
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "taps": self.taps}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class ICNR(keras.initializers.Initializer):
    """Draws a kernel for the channels of the output map, and repeats it for every sub-pixel.

    Aitken et al. 2017, arXiv 1707.02937: "initialization to convolution, nearest-neighbour resize"

    Args:
        initializer: draws a kernel (height, width, channels, filters / repeats).
        repeats: int, number of sub-pixels per pixel; must divide the number of filters.
    """

    def __init__(self, initializer: Any, repeats: int) -> None:
        self.initializer = keras.initializers.get(initializer)
        self.repeats = repeats

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return a kernel of the given shape, whose filters repeat with period filters / repeats."""
        drawn = self.initializer((*shape[:-1], shape[-1] // self.repeats), dtype=dtype)
        return ops.tile(drawn, (1, 1, 1, self.repeats))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the initializer."""
        return {"initializer": keras.initializers.serialize(self.initializer), "repeats": self.repeats}
