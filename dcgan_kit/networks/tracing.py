"""What a part of a network computes, read off its TensorFlow graph: multiply-accumulates and resamplings.

Reading the graph, and not the component's name, holds for a stranger's layers too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf

from dcgan_kit.components.kinds import Shape

Direction = Literal["down", "up", "same"]


@dataclass(frozen=True)
class Window:
    """A sliding window over height and width.

    Attributes:
        learned: whether its taps are a kernel (a convolution) or fixed (pooling, resizing).
        transposed: whether it spreads an input over the window (transposed convolution) or gathers.
        size: taps along height and width, dilation not counted.
        stride: steps along height and width; of the output where transposed.
        dilation: spacing of the taps.
    """

    learned: bool
    transposed: bool
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Resize:
    """A change of size without a kernel: nearest or linear up-sampling by a factor along height and width."""

    factor: tuple[float, float]


@dataclass(frozen=True)
class Flattened:
    """A matrix product: from here on every number depends on the whole map."""


@dataclass(frozen=True)
class Pooled:
    """A sum, mean or maximum over height and width: the whole map is seen, but only patch by patch."""


Operation = Window | Resize | Flattened | Pooled


@dataclass(frozen=True)
class Trace:
    """Facts about one part.

    Attributes:
        macs: multiply-accumulates for one image.
        operations: windows and resizes in order.
    """

    macs: int
    operations: tuple[Operation, ...]


def trace(layers: Sequence[Any], input_shape: Shape) -> Trace:
    """Trace layers applied in order to one image of ``input_shape`` (H, W, C) or (N,), at inference."""

    def applied(inputs: Any) -> Any:
        for layer in layers:
            inputs = layer(inputs, training=False) if _takes_training(layer) else layer(inputs)
        return inputs

    # Weights of a network that was built symbolically do not exist; in this scope their shapes stand in for them.
    with keras.StatelessScope(initialize_variables=False):
        graph = tf.function(applied).get_concrete_function(tf.TensorSpec((1, *input_shape), keras.config.floatx())).graph
    operations = list(_all_operations(graph))
    return Trace(sum(map(_macs, operations)), tuple(_resamplings(operations)))


def _takes_training(layer: Any) -> bool:
    return bool(getattr(layer, "_call_has_training_arg", False))


def _all_operations(graph: Any) -> Iterator[Any]:
    for operation in graph.get_operations():
        function = next((operation.get_attr(a).name for a in ("f",) if "PartitionedCall" in operation.type), None)
        inner = graph._get_function(function) if function else None
        if inner is not None and hasattr(inner, "graph"):
            yield from _all_operations(inner.graph)
        else:
            yield operation


def _macs(operation: Any) -> int:
    kind = operation.type
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
        return math.prod(kernel) * output[1] * output[2]
    if kind == "Conv2DBackpropInput":
        kernel, given = operation.inputs[1].shape, operation.inputs[2].shape
        return math.prod(kernel) * given[1] * given[2]
    if kind == "MatMul":
        rows = operation.inputs[0].shape
        inner = rows[0] if operation.get_attr("transpose_a") else rows[1]
        return math.prod(operation.outputs[0].shape) * inner
    if kind in ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"):
        rows = operation.inputs[0].shape
        inner = rows[-2] if operation.get_attr("adj_x") else rows[-1]
        return math.prod(operation.outputs[0].shape) * inner
    return 0


def _resamplings(operations: Sequence[Any]) -> Iterator[Operation]:
    for operation in operations:
        kind = operation.type
        if kind in ("Conv2D", "DepthwiseConv2dNative"):
            kernel = operation.inputs[1].shape
            yield Window(
                True, False, (kernel[0], kernel[1]), _spatial(operation, "strides"), _spatial(operation, "dilations")
            )
        elif kind == "Conv2DBackpropInput":
            kernel = operation.inputs[1].shape
            yield Window(
                True, True, (kernel[0], kernel[1]), _spatial(operation, "strides"), _spatial(operation, "dilations")
            )
        elif kind in ("MaxPool", "AvgPool"):
            yield Window(False, False, _spatial(operation, "ksize"), _spatial(operation, "strides"))
        elif kind == "SpaceToDepth":
            block = operation.get_attr("block_size")
            yield Window(False, False, (block, block), (block, block))
        elif kind == "DepthToSpace":
            block = operation.get_attr("block_size")
            yield Resize((block, block))
        elif kind.startswith("Resize") and len(operation.outputs[0].shape) == 4:
            before, after = operation.inputs[0].shape, operation.outputs[0].shape
            yield Resize((after[1] / before[1], after[2] / before[2]))
        elif kind in ("Mean", "Sum", "Max") and _over_the_map(operation):
            yield Pooled()
        elif kind == "MatMul":
            yield Flattened()


def _over_the_map(operation: Any) -> bool:
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    return before.rank == 4 and after.rank is not None and math.prod(after) == before[3]


def _spatial(operation: Any, attribute: str) -> tuple[int, int]:
    values = operation.get_attr(attribute)
    return (values[1], values[2])
