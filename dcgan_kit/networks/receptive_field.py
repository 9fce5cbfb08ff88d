"""Compute the receptive field of each number from the TensorFlow graph: the pixels of the first map it depends on.

Each number has the edges of the smallest rectangle around the pixels that it sees. The result of an operation sees all
pixels that its inputs see. Borders and parallel branches are exact. Operations that only move numbers are exact too:
they are run on the positions of the numbers. The result of an unknown operation sees everything that any input number
sees.

After Araujo et al. 2019, distill.pub/2019/computing-receptive-fields, whose formulas are for the interior of a map
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

NOTHING = np.iinfo(np.int16).max
"""All edges of a number that sees no pixel. The edges of other numbers are smaller."""


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The pixels that each number of a tensor sees.

    Attributes:
        edges: int16 (4, ...): top, left, -bottom, -right, so that the union of two rectangles is the elementwise
            minimum; then the tensor's axes. An axis has size 1 if all numbers along it see the same.
        sides: height and width of the first map.
        patch: height and width of the largest patch from which a statistic of a whole map, such as its mean, was
            computed; (0, 0) if there is none, or if statistics count as seen.
    """

    edges: Any
    sides: tuple[int, int]
    patch: tuple[int, int] = (0, 0)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReceptiveField):
            return NotImplemented
        same = (self.sides, self.patch) == (other.sides, other.patch)
        return same and np.array_equal(self.edges, other.edges)

    @staticmethod
    def of_map(height: int, width: int) -> ReceptiveField:
        """Return the field of the first map: each pixel sees itself."""
        rows, columns = np.indices((height, width), np.int16)
        edges = np.stack([rows, columns, -rows, -columns])[:, None, :, :, None]
        return ReceptiveField(edges, (height, width))

    @staticmethod
    def of_everything(axes: int) -> ReceptiveField:
        """Return the field of a tensor that is no map, with this number of axes: it counts as a single pixel."""
        return ReceptiveField(np.zeros((4, *[1] * axes), np.int16), (1, 1))

    @property
    def widest(self) -> tuple[int, int]:
        """Height and width of the largest rectangle that a number sees; (0, 0) if no number sees any pixel."""
        top, left, bottom, right = self.edges
        seen = top < NOTHING
        if not seen.any():
            return (0, 0)
        return int((1 - bottom - top)[seen].max()), int((1 - right - left)[seen].max())


def propagated(
    graph: Any, source: Any, target: Any, field: ReceptiveField, statistics: bool, body: Callable[[Any], Any]
) -> ReceptiveField:
    """Return the field of a tensor.

    Args:
        graph: a TensorFlow graph whose shapes are all static.
        source: the tensor of the graph that ``field`` belongs to.
        target: the tensor of the graph whose field is returned.
        field: the field of the source.
        statistics: whether a statistic of a whole map, such as its mean, counts as seen by the numbers that use it.
            Such a statistic combines the map patch by patch.
        body: an operation → the graph of the function that it calls; None if it calls none.
    """
    flow = _Flow(field, statistics, body)
    (found,) = flow.through(graph, {source.name: field.edges}, [target])
    return ReceptiveField(_nothing(target) if found is None else found, field.sides, flow.patch)


class _Flow:
    """Propagates edges through graphs, and records the largest patch of statistics over whole maps."""

    def __init__(self, field: ReceptiveField, statistics: bool, body: Callable[[Any], Any]) -> None:
        self.sides, self.patch = field.sides, field.patch
        self.statistics, self.body = statistics, body

    def through(self, graph: Any, edges: dict[str, Any], targets: Sequence[Any]) -> list[Any]:
        for operation in graph.get_operations():
            given = [edges.get(tensor.name) for tensor in operation.inputs]
            if operation.type in _SHAPES or all(each is None for each in given):
                continue
            inner = self.body(operation)
            if inner is not None:
                known = {t.name: e for t, e in zip(inner.inputs, given, strict=True) if e is not None}
                results = self.through(inner, known, inner.outputs)
            else:
                results = _results(operation, given)
                if self._is_statistic(operation, given[0], results[0]):
                    patch = ReceptiveField(given[0], self.sides).widest
                    self.patch = max(self.patch[0], patch[0]), max(self.patch[1], patch[1])
                    continue
            found = zip(operation.outputs, results, strict=True)
            edges.update((tensor.name, result) for tensor, result in found if result is not None)
        return [edges.get(target.name) for target in targets]

    def _is_statistic(self, operation: Any, before: Any, after: Any) -> bool:
        return not self.statistics and operation.type in _REDUCTIONS and _alike(after) and not _alike(before)


def _results(operation: Any, given: list[Any]) -> list[Any]:
    shapes = [tensor.shape for tensor in (*operation.inputs, *operation.outputs)]
    rule = _RULES.get(operation.type, _pointwise)
    if all(shape.is_fully_defined() for shape in shapes):
        found = rule(operation, given)
        if found is not None:
            return found
    return _everything(operation, given)


def _everything(operation: Any, given: list[Any]) -> list[Any]:
    """Return edges with which every result sees everything that any input number sees."""
    lowest = np.min([each.reshape(4, -1).min(1) for each in given if each is not None], 0)
    return [lowest.reshape(4, *[1] * (tensor.shape.rank or 0)) for tensor in operation.outputs]


def _alike(edges: Any) -> bool:
    """Return whether all numbers that see any pixels see the same ones."""
    seen = edges.reshape(4, -1)
    seen = seen[:, seen[0] < NOTHING]
    return bool((seen == seen[:, :1]).all())


def _pointwise(operation: Any, given: list[Any]) -> list[Any] | None:
    """Elementwise operations, with broadcasting."""
    wanted = tuple(operation.outputs[0].shape)
    inputs = [tuple(tensor.shape) for tensor in operation.inputs]
    if operation.type in _COPIES:
        # The operation returns several tensors unchanged.
        return [_nothing(t) if e is None else e for t, e in zip(operation.outputs, given, strict=True)]
    if operation.type not in _POINTWISE or np.broadcast_shapes(*inputs) != wanted:
        return None
    aligned = [each.reshape(4, *[1] * (len(wanted) + 1 - each.ndim), *each.shape[1:]) for each in _given(given)]
    union = aligned[0]
    for each in aligned[1:]:
        union = np.minimum(union, each)
    return [union]


def _given(given: list[Any]) -> list[Any]:
    return [each for each in given if each is not None]


def _nothing(tensor: Any) -> Any:
    return np.full((4, *[1] * tensor.shape.rank), NOTHING, np.int16)


def _reduced(operation: Any, given: list[Any]) -> list[Any] | None:
    axes = tf.get_static_value(operation.inputs[1])
    if axes is None or given[0] is None:
        return None
    rank = operation.inputs[0].shape.rank
    along = tuple(1 + int(axis) % rank for axis in np.atleast_1d(axes))
    return [given[0].min(axis=along, keepdims=bool(operation.get_attr("keep_dims")))]


def _product(operation: Any, given: list[Any]) -> list[Any] | None:
    """Matrix products: rows of the first with columns of the second."""
    flat = operation.type == "MatMul"
    sides: list[Any] = []
    for each, name, other in zip(given, ("a", "b"), ("x", "y"), strict=True):
        if each is None:
            sides.append(None)
            continue
        flipped = operation.get_attr(f"transpose_{name}" if flat else f"adj_{other}")
        upright = np.swapaxes(each, -1, -2) if flipped else each
        sides.append(upright.min(axis=-1 if name == "a" else -2, keepdims=True))
    union = _given(sides)
    return [union[0] if len(union) == 1 else np.minimum(*union)]


def _along_last(operation: Any, given: list[Any]) -> list[Any] | None:
    return [given[0].min(axis=-1, keepdims=True)]


def _window(operation: Any, given: list[Any]) -> list[Any] | None:
    """Convolutions and poolings: (B, H, W, C)."""
    edges, pooling = given[0], operation.type in ("MaxPool", "AvgPool")
    if edges is None or operation.get_attr("data_format") != b"NHWC":
        return None
    sizes = operation.get_attr("ksize")[1:3] if pooling else tuple(operation.inputs[1].shape[:2])
    dilations = (1, 1) if pooling else operation.get_attr("dilations")[1:3]
    for axis in (0, 1):
        sides = operation.inputs[0].shape[axis + 1], operation.outputs[0].shape[axis + 1]
        stride = operation.get_attr("strides")[axis + 1]
        before = _padding(operation, axis, *sides, sizes[axis], stride, dilations[axis])
        edges = _slid(edges, axis + 2, *sides, sizes[axis], stride, dilations[axis], before)
    return [_mixed_channels(operation, edges)]


def _spread(operation: Any, given: list[Any]) -> list[Any] | None:
    """Transposed convolutions: (B, H, W, C)."""
    edges = given[2]
    if edges is None or operation.get_attr("data_format") != b"NHWC":
        return None
    for axis in (0, 1):
        small, large = operation.inputs[2].shape[axis + 1], operation.outputs[0].shape[axis + 1]
        size = operation.inputs[1].shape[axis]
        stride, dilation = operation.get_attr("strides")[axis + 1], operation.get_attr("dilations")[axis + 1]
        before = _padding(operation, axis, large, small, size, stride, dilation)
        along = np.moveaxis(np.broadcast_to(edges, _with_side(edges, axis + 2, small)), axis + 2, 0)
        result = np.full((large, *along.shape[1:]), NOTHING, np.int16)
        for tap in range(size):
            places = np.arange(small) * stride + tap * dilation - before
            inside = (places >= 0) & (places < large)
            result[places[inside]] = np.minimum(result[places[inside]], along[inside])
        edges = np.moveaxis(result, 0, axis + 2)
    return [edges.min(axis=-1, keepdims=True)]


def _with_side(edges: Any, axis: int, side: int) -> tuple[int, ...]:
    return (*edges.shape[:axis], side, *edges.shape[axis + 1 :])


def _padding(operation: Any, axis: int, given: int, returned: int, size: int, stride: int, dilation: int) -> int:
    """Return the number of padding pixels before the first, for a convolution from ``given`` to ``returned`` pixels."""
    kind = operation.get_attr("padding")
    if kind == b"EXPLICIT":
        return int(operation.get_attr("explicit_paddings")[2 * (axis + 1)])
    needed = (returned - 1) * stride + (size - 1) * dilation + 1 - given
    return max(needed, 0) // 2 if kind == b"SAME" else 0


def _slid(edges: Any, axis: int, given: int, returned: int, size: int, stride: int, dilation: int, before: int) -> Any:
    span = (returned - 1) * stride + 1
    along = np.moveaxis(np.broadcast_to(edges, _with_side(edges, axis, given)), axis, 0)
    padded = np.full((before + max(given, span + (size - 1) * dilation), *along.shape[1:]), NOTHING, np.int16)
    padded[before : before + given] = along
    found = padded[0:span:stride]
    for tap in range(1, size):
        found = np.minimum(found, padded[tap * dilation : tap * dilation + span : stride])
    return np.moveaxis(found, 0, axis)


def _mixed_channels(operation: Any, edges: Any) -> Any:
    """Return the edges of the result's channels, which see all channels, those of their group, or only their own."""
    if operation.type in ("MaxPool", "AvgPool") or edges.shape[-1] == 1:
        return edges
    kernel = operation.inputs[1].shape
    if operation.type == "DepthwiseConv2dNative":
        return np.repeat(edges, kernel[3], axis=-1)
    groups = edges.shape[-1] // kernel[2]
    grouped = edges.reshape(*edges.shape[:-1], groups, kernel[2]).min(axis=-1)
    return np.repeat(grouped, operation.outputs[0].shape[-1] // groups, axis=-1)


def _resized(operation: Any, given: list[Any]) -> list[Any] | None:
    """Interpolation: (B, H, W, C)."""
    edges = given[0]
    if edges is None:
        return None
    for axis in (1, 2):
        before, after = operation.inputs[0].shape[axis], operation.outputs[0].shape[axis]
        along = np.broadcast_to(edges, _with_side(edges, axis + 1, before))
        edges = np.minimum.reduce([along.take(places, axis + 1) for places in _interpolated(operation, before, after)])
    return [edges]


def _interpolated(operation: Any, before: int, after: int) -> list[Any]:
    """Return the old positions that each new pixel uses along an axis: a list of arrays, one position per new pixel."""
    places = np.arange(after)
    aligned, centred = operation.get_attr("align_corners"), operation.get_attr("half_pixel_centers")
    scale = (before - 1) / (after - 1) if aligned and after > 1 else before / after
    if operation.type == "ResizeNearestNeighbor":
        at = (places + 0.5 * centred) * scale
        return [np.clip(np.floor(at + 0.5) if aligned else np.floor(at + 1e-9), 0, before - 1).astype(int)]
    at = (places + 0.5) * scale - 0.5 if centred else places * scale
    first = np.floor(at + 1e-9)
    # A new pixel exactly at an old one uses only that one.
    between = at - first > 1e-6
    reach = (0, 1) if operation.type == "ResizeBilinear" else (-1, 0, 1, 2)
    return [np.clip(first + offset * between, 0, before - 1).astype(int) for offset in reach]


def _reshaped(operation: Any, given: list[Any]) -> list[Any] | None:
    """Split both shapes into groups of axes with the same numbers. A group whose numbers see the same keeps size 1."""
    if given[0] is None:
        return None
    old, new = list(operation.inputs[0].shape), list(operation.outputs[0].shape)
    edges, shape, wanted = given[0], [4], [4]
    result: list[int] = []
    start = end = 0
    while start < len(old) or end < len(new):
        first, last = start + 1, end + 1
        while math.prod(old[start:first]) != math.prod(new[end:last]):
            if math.prod(old[start:first]) < math.prod(new[end:last]):
                first += 1
            else:
                last += 1
        alike = all(side == 1 for side in edges.shape[1 + start : 1 + first])
        shape += [1] * len(old[start:first]) if alike else old[start:first]
        result += [1] * len(new[end:last]) if alike else new[end:last]
        start, end = first, last
    return [np.broadcast_to(edges, shape).reshape(*wanted, *result)]


def _repeated(operation: Any, given: list[Any]) -> list[Any] | None:
    """Operations that repeat numbers along some axes."""
    if given[0] is None:
        return None
    repeats = [1, *(new // old for new, old in zip(operation.outputs[0].shape, operation.inputs[0].shape, strict=True))]
    return [np.tile(given[0], [1 if side == 1 else n for side, n in zip(given[0].shape, repeats, strict=True)])]


def _normalized(operation: Any, given: list[Any]) -> list[Any] | None:
    """Fused batch normalization with moving statistics."""
    return None if operation.get_attr("is_training") else [given[0], *[None] * (len(operation.outputs) - 1)]


def _transposed(operation: Any, given: list[Any]) -> list[Any] | None:
    order = tf.get_static_value(operation.inputs[1])
    if order is None or given[0] is None:
        return None
    return [given[0].transpose(0, *(1 + int(axis) for axis in order))]


def _moved(operation: Any, given: list[Any]) -> list[Any] | None:
    """Run the operation on the positions of the numbers, counted from 1. 0 is the fill value."""
    places: list[Any] = []
    edges, count = [np.full((4, 1), NOTHING, np.int16)], 1
    for tensor, each in zip(operation.inputs, given, strict=True):
        if tensor.dtype.is_integer:
            # This input says where numbers come from, or how many are added. It must be a known constant.
            value = tf.get_static_value(tensor)
            if each is not None or value is None:
                return None
            places.append(value)
            continue
        if each is None:
            places.append(np.zeros(tensor.shape, np.int32))
            continue
        numbers = math.prod(tensor.shape)
        places.append(np.arange(count, count + numbers, dtype=np.int32).reshape(tensor.shape))
        edges.append(np.broadcast_to(each, (4, *tensor.shape)).reshape(4, numbers))
        count += numbers
    found = _run(operation, places)
    known = np.concatenate(edges, axis=1)
    return [_compressed(known[:, np.asarray(result)]) for result in found]


def _run(operation: Any, inputs: list[Any]) -> list[Any]:
    arguments: dict[str, Any] = {}
    for argument in operation.op_def.input_arg:
        many = int(operation.get_attr(argument.number_attr)) if argument.number_attr else 0
        taken = inputs[: many or 1]
        inputs = inputs[many or 1 :]
        # This is the only argument of these operations with another name in Python.
        name = "axis" if argument.name == "split_dim" else argument.name
        arguments[name] = taken if many else taken[0]
    inferred = {a.number_attr for a in operation.op_def.input_arg} | {a.type_attr for a in operation.op_def.input_arg}
    for attribute in operation.op_def.attr:
        if attribute.name not in inferred and attribute.type != "type":
            value = operation.get_attr(attribute.name)
            arguments[attribute.name] = value.decode() if isinstance(value, bytes) else value
    with tf.init_scope(), tf.device("CPU"):
        result = getattr(tf.raw_ops, operation.type)(**arguments)
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _compressed(edges: Any) -> Any:
    """Keep only one channel if all channels see the same."""
    return edges[..., :1] if edges.ndim > 1 and (edges == edges[..., :1]).all() else edges


_REDUCTIONS = ("All", "Any", "Max", "Mean", "Min", "Prod", "Sum")
_COPIES = ("IdentityN",)
_SHAPES = ("Rank", "Shape", "ShapeN", "Size")
_POINTWISE = {
    "Abs", "Add", "AddN", "AddV2", "BiasAdd", "Cast", "CheckNumerics", "ClipByValue", "Cos", "Cosh", "Div",
    "DivNoNan", "Elu", "EnsureShape", "Equal", "Erf", "Erfc", "Exp", "Expm1", "Floor", "Greater", "GreaterEqual",
    "Identity", "IsFinite", "LeakyRelu", "Less", "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot",
    "LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "Neg", "NotEqual", "Pow", "PreventGradient", "RealDiv",
    "Reciprocal", "Relu", "Relu6", "Rint", "Round", "Rsqrt", "SelectV2", "Selu", "Sigmoid", "Sign", "Sin", "Sinh",
    "Softplus", "Softsign", "Sqrt", "Square", "SquaredDifference", "StopGradient", "Sub", "Tan", "Tanh", "Xdivy",
    "Xlogy", "ZerosLike",
}  # fmt: skip
_RULES: dict[str, Callable[[Any, list[Any]], list[Any] | None]] = {
    **dict.fromkeys(("Conv2D", "DepthwiseConv2dNative", "MaxPool", "AvgPool"), _window),
    "Conv2DBackpropInput": _spread,
    **dict.fromkeys(("ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor"), _resized),
    **dict.fromkeys(_REDUCTIONS, _reduced),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "MatMul"), _product),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _along_last),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), _reshaped),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _normalized),
    "Tile": _repeated,
    "Transpose": _transposed,
    **dict.fromkeys(
        (
            "BatchToSpaceND", "BroadcastTo", "ConcatV2", "DepthToSpace", "GatherNd", "GatherV2", "MirrorPad", "Pack",
            "Pad", "PadV2", "ReverseV2", "Roll", "Slice", "SpaceToBatchND", "SpaceToDepth", "Split", "SplitV",
            "StridedSlice", "Unpack",
        ),
        _moved,
    ),
}  # fmt: skip
