"""The kernels of Keras' layers, and how each one is read as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from keras import layers, ops

Reading = Literal["plain", "transposed", "depthwise", "embedding"]


@dataclass(frozen=True)
class Kernel:
    """One kernel of a layer.

    Attributes:
        variable: the kernel, a ``keras.Variable``.
        number: its place among the kernels of its layer, from 0.
        reading: whose kernel it is: of a convolution or dense layer (``plain``), of a transposed or a depthwise
            convolution, or of an embedding.
        groups: number of groups of a convolution; 1 for every other layer.
    """

    variable: Any
    number: int = 0
    reading: Reading = "plain"
    groups: int = 1

    @property
    def filter_axes(self) -> tuple[int, ...]:
        """The axes of the kernel along which one filter lies.

        A filter holds the weights of one output channel. The filter of a depthwise convolution sees one channel. The
        filter of an embedding is the vector of one class.
        """
        last = len(self.variable.shape) - 1
        axes = {
            "plain": tuple(range(last)),
            "transposed": (*range(last - 1), last),
            "depthwise": tuple(range(last - 1)),
            "embedding": (last,),
        }
        return axes[self.reading]

    @property
    def fan_in(self) -> int:
        """Number of weights of one filter."""
        return prod(int(self.variable.shape[axis]) for axis in self.filter_axes)

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """The shape of ``matrices``: (blocks, rows, columns)."""
        *patch, channels, filters = map(int, self.variable.shape)
        if self.reading == "embedding":
            return 1, filters, channels
        if self.reading == "depthwise":
            return channels, prod(patch), filters
        return self.groups, prod(patch) * channels, filters // self.groups

    def matrices(self, value: Any = None) -> Any:
        """Return the diagonal blocks of the kernel's matrix.  (..., C, F) → (blocks, rows, columns), float32.

        The matrix has one column for each index of the kernel's last axis: a filter of a convolution, an input channel
        of a transposed convolution. A row is one weight of a patch. The matrix of a grouped or depthwise convolution
        is block-diagonal, with one block for each group or channel. The matrix of an embedding has one column for each
        class.

        Args:
            value: what to read in place of the kernel; default: the kernel.
        """
        value = ops.cast(self.variable.value if value is None else value, "float32")
        blocks, rows, columns = self.matrix_shape
        if self.reading == "embedding":
            return ops.transpose(value)[None]
        if blocks == 1:
            return ops.reshape(value, (1, rows, columns))
        return ops.transpose(ops.reshape(value, (rows, blocks, columns)), (1, 0, 2))


def kernels_of(layer: Any) -> tuple[Kernel, ...]:
    """Return the kernels of a built layer.

    Args:
        layer: a convolution (also transposed, depthwise, separable or grouped), a dense layer or an embedding; or
            another layer with an attribute ``kernel``.
    """
    if isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D):
        return Kernel(layer.depthwise_kernel, 0, "depthwise"), Kernel(layer.pointwise_kernel, 1)
    if isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D):
        return (Kernel(layer.kernel, 0, "depthwise"),)
    if isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose):
        return (Kernel(layer.kernel, 0, "transposed"),)
    if isinstance(layer, layers.Embedding):
        return (Kernel(layer.embeddings, 0, "embedding"),)
    return (Kernel(layer.kernel, 0, "plain", getattr(layer, "groups", 1)),)
