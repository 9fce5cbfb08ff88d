"""Receptive fields after operations that only move numbers. They are exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.networks.receptive_field import NO_PIXEL


def reshaped(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after a change of shape.

    Both shapes are split into groups of axes with the same numbers. A group whose numbers see the same keeps size 1.
    """
    if input_edges[0] is None:
        return None
    old, new = list(operation.inputs[0].shape), list(operation.outputs[0].shape)
    edges, shape, leading = input_edges[0], [4], [4]
    result: list[int] = []
    start = end = 0
    while start < len(old) or end < len(new):
        first, last = start + 1, end + 1
        while math.prod(old[start:first]) != math.prod(new[end:last]):
            if math.prod(old[start:first]) < math.prod(new[end:last]):
                first += 1
            else:
                last += 1
        uniform = all(side == 1 for side in edges.shape[1 + start : 1 + first])
        shape += [1] * len(old[start:first]) if uniform else old[start:first]
        result += [1] * len(new[end:last]) if uniform else new[end:last]
        start, end = first, last
    return [np.broadcast_to(edges, shape).reshape(*leading, *result)]


def repeated(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after an operation that repeats numbers along some axes."""
    if input_edges[0] is None:
        return None
    repeats = [1, *(new // old for new, old in zip(operation.outputs[0].shape, operation.inputs[0].shape, strict=True))]
    return [
        np.tile(input_edges[0], [1 if side == 1 else n for side, n in zip(input_edges[0].shape, repeats, strict=True)])
    ]


def transposed(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after a permutation of the axes."""
    order = tf.get_static_value(operation.inputs[1])
    if order is None or input_edges[0] is None:
        return None
    return [input_edges[0].transpose(0, *(1 + int(axis) for axis in order))]


def moved(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after any other operation that only moves numbers.

    It runs the operation on the positions of the numbers, counted from 1. 0 is the fill value.
    """
    places: list[Any] = []
    edges, count = [np.full((4, 1), NO_PIXEL, np.int16)], 1
    for tensor, each in zip(operation.inputs, input_edges, strict=True):
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
