"""Analyse the TensorFlow graph of a part: multiply-accumulates, resamplings and receptive fields.

It uses the graph and not the component's name, so it also works for layers of plugins.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import keras
import tensorflow as tf

from dcgan_kit.components.kinds import Shape
from dcgan_kit.networks.field_propagation import propagated
from dcgan_kit.networks.keras_internals import graph_of_function, weightless
from dcgan_kit.networks.network import applied
from dcgan_kit.networks.receptive_field import ReceptiveField
from dcgan_kit.networks.resampling import Flattened, Operation, Pooled, Resize, Window

Direction = Literal["down", "up", "same"]


@dataclass(frozen=True)
class Trace:
    """Facts about one part.

    Attributes:
        macs: multiply-accumulates for one image.
        operations: windows, resizes and other resamplings, in order.
        field: receptive field of its output, or None if none was given for its input.
        local_field: the same, but without statistics of a whole map, such as its mean.
        products: number of values that batched matrix products return for one image. Attention keeps them for training.
    """

    macs: int
    operations: tuple[Operation, ...]
    field: ReceptiveField | None = None
    local_field: ReceptiveField | None = None
    products: int = 0


def trace(
    layers: Sequence[Any],
    input_shapes: Sequence[Shape],
    fields: Sequence[ReceptiveField] = (),
    local_fields: Sequence[ReceptiveField] = (),
    side_shapes: Mapping[str, Shape] | None = None,
) -> Trace:
    """Trace layers that are applied in order to one image, in inference mode.

    Args:
        layers: built layers, with or without weights.
        input_shapes: shape of each input of the first layer, (H, W, C) or (N,), without the batch dimension.
        fields: receptive field of each input; empty: the result has none.
        local_fields: the same, but without statistics of whole maps.
        side_shapes: shape of each side input, by name.
    """
    sides = dict(side_shapes or {})
    spans: list[tuple[Any, int, int, Any, Any]] = []

    def call(layer: Any, value: Any) -> Any:
        graph = tf.compat.v1.get_default_graph()
        first, before = len(graph.get_operations()), (value[0] if isinstance(value, list) else value).shape
        value = layer(value, training=False) if takes_training(layer) else layer(value)
        spans.append((layer, first, len(graph.get_operations()), before, value.shape))
        return value

    # The weights of a symbolic network do not exist; in this scope Keras uses only their shapes.
    with weightless():
        count = len(input_shapes)

        def run(*inputs: Any) -> Any:
            return applied(layers, inputs[:count], call, dict(zip(sides, inputs[count:], strict=True)))

        function = tf.function(run, autograph=False)
        specs = [tf.TensorSpec((1, *shape), keras.config.floatx()) for shape in (*input_shapes, *sides.values())]
        graph = function.get_concrete_function(*specs).graph
    ends = graph.inputs[:count], graph.outputs[0]
    # What computes only with weights, such as the norm of a kernel, runs once for a whole batch.
    of_images = _reached_from(graph, *graph.inputs[: len(specs)])
    macs, products, found = 0, 0, list[Operation]()
    for layer, first, last, before, after in spans:
        within = [operation for operation in graph.get_operations()[first:last] if operation.name in of_images]
        operations = list(_all_operations(graph, within))
        macs += sum(map(_macs, operations))
        products += sum(_count(operation.outputs[0]) for operation in operations if operation.type in _BATCH_MATMUL)
        found.extend(_resamplings(operations, learned=bool(layer.weights)))
        found.extend(_rearranged(operations, before, after))
    body = partial(_called, graph)
    return Trace(
        macs,
        tuple(found),
        propagated(graph, *ends, fields, True, body) if fields else None,
        propagated(graph, *ends, local_fields, False, body) if local_fields else None,
        products,
    )


def takes_training(layer: Any) -> bool:
    """Return whether the ``call`` of a layer has an argument ``training``."""
    return "training" in inspect.signature(layer.call).parameters


def _reached_from(graph: Any, *tensors: Any) -> set[str]:
    """Return the names of the operations of a graph that depend on a tensor."""
    reached = {tensor.op.name for tensor in tensors}
    for operation in graph.get_operations():
        if any(source.op.name in reached for source in operation.inputs):
            reached.add(operation.name)
    return reached


def _all_operations(graph: Any, operations: Sequence[Any]) -> Iterator[Any]:
    for operation in operations:
        inner = _called(graph, operation)
        if inner is None:
            yield operation
        else:
            yield from _all_operations(inner, inner.get_operations())


def _called(graph: Any, operation: Any) -> Any:
    """Return the graph of the function that an operation calls; None if it calls none."""
    if "PartitionedCall" not in operation.type:
        return None
    return graph_of_function(graph, operation.get_attr("f").name)


def _macs(operation: Any) -> int:
    kind = operation.type
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        # TensorFlow may split the map of a dilated convolution into several along the batch axis, so count that axis.
        return _count(operation.inputs[1]) * _count(operation.outputs[0], 3)
    if kind == "Conv2DBackpropInput":
        return _count(operation.inputs[1]) * _count(operation.inputs[2], 3)
    if kind == "MatMul" or kind in _BATCH_MATMUL:
        flipped = operation.get_attr("transpose_a" if kind == "MatMul" else "adj_x")
        return _count(operation.outputs[0]) * int(operation.inputs[0].shape[-2 if flipped else -1])
    return 0


def _count(tensor: Any, axes: int | None = None) -> int:
    """Return the number of elements of a tensor, or of positions along its first axes."""
    return math.prod(int(side) for side in tensor.shape[:axes])


_BATCH_MATMUL = ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
_TAPS = {"ResizeBilinear": 2, "ResizeBicubic": 4}


def _resamplings(operations: Sequence[Any], learned: bool) -> Iterator[Operation]:
    spread = (1, 1)
    for operation in operations:
        kind = operation.type
        if kind == "SpaceToBatchND":
            # TensorFlow implements dilation as a convolution of each map that consists of every n-th pixel.
            blocks = tf.get_static_value(operation.inputs[1])
            spread = (int(blocks[0]), int(blocks[1]))
        elif kind == "BatchToSpaceND":
            spread = (1, 1)
        elif kind in ("Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput"):
            kernel, (down, across) = operation.inputs[1].shape, _spatial(operation, "dilations")
            yield Window(
                learned,
                kind == "Conv2DBackpropInput",
                (kernel[0], kernel[1]),
                _spatial(operation, "strides"),
                (down * spread[0], across * spread[1]),
            )
        elif kind in ("MaxPool", "AvgPool"):
            yield Window(False, False, _spatial(operation, "ksize"), _spatial(operation, "strides"))
        elif kind.startswith("Resize") and len(operation.outputs[0].shape) == 4:
            yield Resize(_scale(operation), _TAPS.get(kind, 1))
        elif kind in ("Mean", "Sum", "Max") and _over_the_map(operation):
            yield Pooled()
        elif (kind == "MatMul" and operation.outputs[0].shape[0] == 1) or kind in _BATCH_MATMUL:
            # A dense layer on a map has one row per pixel and mixes only channels, so it does not flatten.
            yield Flattened()


def _rearranged(operations: Sequence[Any], before: Any, after: Any) -> Iterator[Operation]:
    """Yield changes of size that no sized operation explains: repeated pixels, or pixels moved from or to channels."""
    if before.rank != 4 or after.rank != 4:
        return
    sides = [after[axis] / before[axis] for axis in (1, 2)]
    # Parts of one size that are cut out of one tensor lie side by side, so they count once.
    crops = {(o.inputs[0].name, tuple(o.outputs[0].shape)): o for o in operations if _crops(o)}
    sized = [o for o in operations if o.type in _SIZED or o.type.startswith("Resize")]
    for operation in (*sized, *crops.values()):
        sides = [side / scale for side, scale in zip(sides, _scale(operation), strict=True)]
    up = (max(1, round(sides[0])), max(1, round(sides[1])))
    down = (max(1, round(1 / sides[0])), max(1, round(1 / sides[1])))
    if up != (1, 1):
        yield Resize(up)
    if down != (1, 1):
        yield Window(False, False, down, down)


def _crops(operation: Any) -> bool:
    """Return whether an operation cuts out a part without gaps. A slice with a step keeps every n-th pixel."""
    if operation.type != "StridedSlice":
        return bool(operation.type == "Slice")
    steps = tf.get_static_value(operation.inputs[3])
    return steps is not None and bool((steps == 1).all())


_SIZED = {
    "AvgPool", "BatchToSpaceND", "Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MaxPool", "MirrorPad",
    "Pad", "PadV2", "SpaceToBatchND",
}  # fmt: skip
"""Operations whose own attributes say how they change height and width."""


def _scale(operation: Any) -> tuple[float, float]:
    before = operation.inputs[2 if operation.type == "Conv2DBackpropInput" else 0].shape
    after = operation.outputs[0].shape
    if before.rank != 4 or after.rank != 4:
        return (1.0, 1.0)
    return (after[1] / before[1], after[2] / before[2])


def _over_the_map(operation: Any) -> bool:
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    return before.rank == 4 and after.rank is not None and math.prod(after) == before[3]


def _spatial(operation: Any, attribute: str) -> tuple[int, int]:
    values = operation.get_attr(attribute)
    return (values[1], values[2])
