"""Minibatch standard deviation, which stock Keras lacks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dcgan_kit")
class MinibatchStddev(keras.layers.Layer):
    """Appends the mean standard deviation of the features over a group of images, as one constant channel.

    Args:
        group_size: int ≥ 2, images per group. If it does not divide the batch, the whole batch is one group.
    """

    def __init__(self, group_size: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group_size = group_size

    def call(self, inputs: Any) -> Any:
        """Compute the statistic in float32 and append it.  (B, ..., C) → (B, ..., C + 1)."""
        features = inputs.shape[1:]
        count = ops.shape(inputs)[0]
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        if isinstance(count, int):
            group = self.group_size if count % self.group_size == 0 else count
        else:
            group = ops.where(count % self.group_size == 0, self.group_size, count)
        # As in the paper's code, image n is in group n % (count / group).
        grouped = ops.reshape(x, (group, -1, *features))
        spread = ops.sqrt(ops.var(grouped, axis=0) + 1e-8)
        statistic = ops.mean(spread, axis=tuple(range(1, len(spread.shape))), keepdims=True)
        repeated = ops.tile(statistic, (group, *([1] * len(features))))
        channel = ops.broadcast_to(repeated, (count, *features[:-1], 1))
        return ops.concatenate([inputs, ops.cast(channel, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, ..., C) → (B, ..., C + 1)."""
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "group_size": self.group_size}
