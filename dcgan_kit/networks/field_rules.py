"""Rules for receptive fields: how the results of each TensorFlow operation see the pixels that its inputs see.

A rule takes an operation and the edges of its inputs, None for an input that sees no pixel. It returns the edges of the
outputs, or None if it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.networks.field_moves import moved, repeated, reshaped, transposed
from dcgan_kit.networks.field_windows import resized, spread, window
from dcgan_kit.networks.receptive_field import no_pixels


def pointwise(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after an elementwise operation, with broadcasting."""
    shape = tuple(operation.outputs[0].shape)
    inputs = [tuple(tensor.shape) for tensor in operation.inputs]
    if operation.type in _COPIES:
        # The operation returns several tensors unchanged.
        return [no_pixels(t) if e is None else e for t, e in zip(operation.outputs, input_edges, strict=True)]
    if operation.type not in _POINTWISE or np.broadcast_shapes(*inputs) != shape:
        return None
    aligned = [each.reshape(4, *[1] * (len(shape) + 1 - each.ndim), *each.shape[1:]) for each in _known(input_edges)]
    union = aligned[0]
    for each in aligned[1:]:
        union = np.minimum(union, each)
    return [union]


def _known(input_edges: list[Any]) -> list[Any]:
    return [each for each in input_edges if each is not None]


def _reduced(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    axes = tf.get_static_value(operation.inputs[1])
    if axes is None or input_edges[0] is None:
        return None
    rank = operation.inputs[0].shape.rank
    along = tuple(1 + int(axis) % rank for axis in np.atleast_1d(axes))
    return [input_edges[0].min(axis=along, keepdims=bool(operation.get_attr("keep_dims")))]


def _product(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges of a matrix product: rows of the first with columns of the second."""
    flat = operation.type == "MatMul"
    sides: list[Any] = []
    for each, name, other in zip(input_edges, ("a", "b"), ("x", "y"), strict=True):
        if each is None:
            sides.append(None)
            continue
        flipped = operation.get_attr(f"transpose_{name}" if flat else f"adj_{other}")
        oriented = np.swapaxes(each, -1, -2) if flipped else each
        sides.append(oriented.min(axis=-1 if name == "a" else -2, keepdims=True))
    union = _known(sides)
    return [union[0] if len(union) == 1 else np.minimum(*union)]


def _along_last(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    return [input_edges[0].min(axis=-1, keepdims=True)]


def _normalized(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after fused batch normalization with moving statistics."""
    return None if operation.get_attr("is_training") else [input_edges[0], *[None] * (len(operation.outputs) - 1)]


REDUCTIONS = ("All", "Any", "Max", "Mean", "Min", "Prod", "Sum")
"""Operations that compute one number from several."""
_COPIES = ("IdentityN",)
SHAPES = ("Rank", "Shape", "ShapeN", "Size")
"""Operations whose results depend on the shape of their input only."""
_POINTWISE = {
    "Abs", "Add", "AddN", "AddV2", "BiasAdd", "Cast", "CheckNumerics", "ClipByValue", "Cos", "Cosh", "Div",
    "DivNoNan", "Elu", "EnsureShape", "Equal", "Erf", "Erfc", "Exp", "Expm1", "Floor", "Greater", "GreaterEqual",
    "Identity", "IsFinite", "LeakyRelu", "Less", "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot",
    "LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "Neg", "NotEqual", "Pow", "PreventGradient", "RealDiv",
    "Reciprocal", "Relu", "Relu6", "Rint", "Round", "Rsqrt", "SelectV2", "Selu", "Sigmoid", "Sign", "Sin", "Sinh",
    "Softplus", "Softsign", "Sqrt", "Square", "SquaredDifference", "StopGradient", "Sub", "Tan", "Tanh", "Xdivy",
    "Xlogy", "ZerosLike",
}  # fmt: skip

RULES: dict[str, Callable[[Any, list[Any]], list[Any] | None]] = {
    **dict.fromkeys(("Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"), window),
    "Conv2DBackpropInput": spread,
    **dict.fromkeys(("ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor"), resized),
    **dict.fromkeys(REDUCTIONS, _reduced),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "MatMul"), _product),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _along_last),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), reshaped),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _normalized),
    "Tile": repeated,
    "Transpose": transposed,
    **dict.fromkeys(
        (
            "BatchToSpaceND", "BroadcastTo", "ConcatV2", "DepthToSpace", "GatherNd", "GatherV2", "MirrorPad", "Pack",
            "Pad", "PadV2", "ReverseV2", "Roll", "Slice", "SpaceToBatchND", "SpaceToDepth", "Split", "SplitV",
            "StridedSlice", "Unpack",
        ),
        moved,
    ),
}  # fmt: skip
"""The rule of each operation; operations without a rule are elementwise or unknown."""
