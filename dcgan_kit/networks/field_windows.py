"""Receptive fields after windows: convolutions, transposed convolutions, poolings and interpolations."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcgan_kit.networks.receptive_field import NO_PIXEL


def window(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after a convolution or a pooling: (B, H, W, C)."""
    edges, pooling = input_edges[0], operation.type in ("MaxPool", "AvgPool")
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


def spread(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after a transposed convolution: (B, H, W, C)."""
    edges = input_edges[2]
    if edges is None or operation.get_attr("data_format") != b"NHWC":
        return None
    for axis in (0, 1):
        small, large = operation.inputs[2].shape[axis + 1], operation.outputs[0].shape[axis + 1]
        size = operation.inputs[1].shape[axis]
        stride, dilation = operation.get_attr("strides")[axis + 1], operation.get_attr("dilations")[axis + 1]
        before = _padding(operation, axis, large, small, size, stride, dilation)
        along = np.moveaxis(np.broadcast_to(edges, _with_side(edges, axis + 2, small)), axis + 2, 0)
        result = np.full((large, *along.shape[1:]), NO_PIXEL, np.int16)
        for tap in range(size):
            places = np.arange(small) * stride + tap * dilation - before
            inside = (places >= 0) & (places < large)
            result[places[inside]] = np.minimum(result[places[inside]], along[inside])
        edges = np.moveaxis(result, 0, axis + 2)
    return [edges.min(axis=-1, keepdims=True)]


def resized(operation: Any, input_edges: list[Any]) -> list[Any] | None:
    """Return the edges after an interpolation: (B, H, W, C)."""
    edges = input_edges[0]
    if edges is None:
        return None
    for axis in (1, 2):
        before, after = operation.inputs[0].shape[axis], operation.outputs[0].shape[axis]
        along = np.broadcast_to(edges, _with_side(edges, axis + 1, before))
        edges = np.minimum.reduce([along.take(places, axis + 1) for places in _interpolated(operation, before, after)])
    return [edges]


def _with_side(edges: Any, axis: int, side: int) -> tuple[int, ...]:
    return (*edges.shape[:axis], side, *edges.shape[axis + 1 :])


def _padding(
    operation: Any, axis: int, input_side: int, output_side: int, size: int, stride: int, dilation: int
) -> int:
    """Return the number of padding pixels before the first pixel of a convolution's input."""
    kind = operation.get_attr("padding")
    if kind == b"EXPLICIT":
        return int(operation.get_attr("explicit_paddings")[2 * (axis + 1)])
    needed = (output_side - 1) * stride + (size - 1) * dilation + 1 - input_side
    return max(needed, 0) // 2 if kind == b"SAME" else 0


def _slid(
    edges: Any, axis: int, input_side: int, output_side: int, size: int, stride: int, dilation: int, before: int
) -> Any:
    span = (output_side - 1) * stride + 1
    along = np.moveaxis(np.broadcast_to(edges, _with_side(edges, axis, input_side)), axis, 0)
    padded = np.full((before + max(input_side, span + (size - 1) * dilation), *along.shape[1:]), NO_PIXEL, np.int16)
    padded[before : before + input_side] = along
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
