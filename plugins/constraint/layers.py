"""Spectral normalization of every kernel that a layer has, block by block where channels are kept apart."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dcgan_kit")
class SpectralNormalization(layers.Wrapper):
    """Divides each kernel of a layer by its largest singular value, before each forward pass in training.

    It computes in float32 whatever precision it is given, since a kernel overwritten in bfloat16 forgets updates;
    the layer inside computes in the precision that that one is given.

    Args:
        layer: a convolution (depthwise, separable, grouped, transposed) or a dense layer.
        power_iterations: int from 1, steps of the estimate at each forward pass.
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    @property
    def dtype_policy(self) -> Any:
        """The type of its variables, for computing too."""
        return layers.Wrapper.dtype_policy.fget(self)

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        layers.Wrapper.dtype_policy.fset(self, keras.dtype_policies.get(policy).variable_dtype)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer, and draw a first vector u for each block of each kernel."""
        super().build(input_shape)
        self.kernels = _kernels(self.layer)
        self.vectors = [
            self.add_weight(
                shape=(blocks, columns),
                initializer=keras.initializers.RandomNormal(seed=number),
                trainable=False,
                name="vector_u" if number == 0 else f"vector_u_{number}",
                dtype="float32",
            )
            for number, (blocks, columns) in enumerate(map(_blocks_and_columns, self.kernels))
        ]

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Overwrite the kernels in training, then apply the layer.  As the layer: shapes."""
        if training:
            for (kernel, groups), vector in zip(self.kernels, self.vectors, strict=True):
                normalized, after = _normalized(kernel.value, groups, vector.value, self.power_iterations)
                vector.assign(after)
                kernel.assign(ops.cast(normalized, kernel.dtype))
        return ops.cast(self.layer(inputs), inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """As the layer's."""
        return self.layer.compute_output_shape(input_shape)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


DEPTHWISE = 0
"""Instead of a number of groups: each input channel is a group of its own, along the last axis but one."""


def _kernels(layer: Any) -> list[tuple[Any, int]]:
    """The kernels of a layer, each with its number of groups."""
    if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        return [(layer.depthwise_kernel, DEPTHWISE), (layer.pointwise_kernel, 1)]
    if isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D):
        return [(layer.kernel, DEPTHWISE)]
    return [(layer.kernel, getattr(layer, "groups", 1))]


def _blocks_and_columns(kernel_and_groups: tuple[Any, int]) -> tuple[int, int]:
    kernel, groups = kernel_and_groups
    *_, channels, filters = kernel.shape
    return (channels, filters) if groups == DEPTHWISE else (groups, filters // groups)


def _matrices(kernel: Any, groups: int) -> Any:
    """The blocks of the matrix that a kernel is.  (..., C, F) → (blocks, rows, columns).

    A group of channels that sees no other makes the matrix block-diagonal: rows are the places of a patch in the
    group's input channels, columns its filters.
    """
    *_, channels, filters = kernel.shape
    if groups == DEPTHWISE:
        return ops.transpose(ops.reshape(kernel, (-1, channels, filters)), (1, 0, 2))
    return ops.transpose(ops.reshape(kernel, (-1, groups, filters // groups)), (1, 0, 2))


def _normalized(kernel: Any, groups: int, vector: Any, iterations: int) -> tuple[Any, Any]:
    """A kernel divided by the largest singular value of all its blocks, and the vectors u that estimated it."""
    matrices = _matrices(ops.cast(kernel, "float32"), groups)
    right = vector
    for _ in range(iterations):
        left = _unit(ops.einsum("brc,bc->br", matrices, right))
        right = _unit(ops.einsum("brc,br->bc", matrices, left))
    left, right = ops.stop_gradient(left), ops.stop_gradient(right)
    sigma = ops.max(ops.einsum("br,brc,bc->b", left, matrices, right))
    # A block of zeros has no direction: its vector waits for it, and a kernel of zeros stays one.
    after = ops.where(ops.any(right != 0.0, axis=-1, keepdims=True), right, vector)
    return ops.cast(kernel, "float32") / ops.where(sigma > 0.0, sigma, 1.0), after


def _unit(vectors: Any) -> Any:
    """Vectors of length 1, or of zeros.  (blocks, N) → (blocks, N)."""
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))
    return vectors / ops.where(length > 0.0, length, 1.0)
