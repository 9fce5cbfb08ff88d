"""Spectral normalization of every kernel of a layer, also of depthwise and grouped ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dcgan_kit")
class SpectralNormalization(layers.Wrapper):
    """Divides each kernel of a layer by its largest singular value, before each forward pass in training.

    The wrapper always computes in float32, because a kernel that is overwritten in bfloat16 loses small updates. The
    wrapped layer keeps its own precision.

    Args:
        layer: a convolution (also depthwise, separable, grouped or transposed) or a dense layer.
        power_iterations: int ≥ 1, power iterations per forward pass.
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    @property
    def dtype_policy(self) -> Any:
        """A policy that computes in the type of the variables."""
        return layers.Wrapper.dtype_policy.fget(self)

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        layers.Wrapper.dtype_policy.fset(self, keras.dtype_policies.get(policy).variable_dtype)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer, and draw the initial vector u for each block of each kernel."""
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
        """Overwrite the kernels in training, then apply the layer. Shapes are those of the layer."""
        if training:
            for (kernel, groups), vector in zip(self.kernels, self.vectors, strict=True):
                normalized, after = _normalized(kernel.value, groups, vector.value, self.power_iterations)
                vector.assign(after)
                kernel.assign(ops.cast(normalized, kernel.dtype))
        return ops.cast(self.layer(inputs), inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the output shape of the wrapped layer."""
        return self.layer.compute_output_shape(input_shape)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


DEPTHWISE = 0
"""Replaces the number of groups of a depthwise kernel: each input channel (second-last axis) is one group."""


def _kernels(layer: Any) -> list[tuple[Any, int]]:
    """Return the kernels of a layer, each with its number of groups."""
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
    """Return the diagonal blocks of a kernel's matrix.  (..., C, F) → (blocks, rows, columns).

    Each group of channels is one block. Its rows are the pixels of a patch in the group's input channels, and its
    columns are the group's filters.
    """
    *_, channels, filters = kernel.shape
    if groups == DEPTHWISE:
        return ops.transpose(ops.reshape(kernel, (-1, channels, filters)), (1, 0, 2))
    return ops.transpose(ops.reshape(kernel, (-1, groups, filters // groups)), (1, 0, 2))


def _normalized(kernel: Any, groups: int, vector: Any, iterations: int) -> tuple[Any, Any]:
    """Return the kernel divided by the largest singular value of all blocks, and the new vectors u."""
    matrices = _matrices(ops.cast(kernel, "float32"), groups)
    right = vector
    for _ in range(iterations):
        left = _unit(ops.einsum("brc,bc->br", matrices, right))
        right = _unit(ops.einsum("brc,br->bc", matrices, left))
    left, right = ops.stop_gradient(left), ops.stop_gradient(right)
    sigma = ops.max(ops.einsum("br,brc,bc->b", left, matrices, right))
    # A block of zeros has no singular direction: keep its old vector. A kernel of zeros stays zero.
    after = ops.where(ops.any(right != 0.0, axis=-1, keepdims=True), right, vector)
    return ops.cast(kernel, "float32") / ops.where(sigma > 0.0, sigma, 1.0), after


def _unit(vectors: Any) -> Any:
    """Scale vectors to length 1; zero vectors stay zero.  (blocks, N) → (blocks, N)."""
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))
    return vectors / ops.where(length > 0.0, length, 1.0)
