"""Compute the receptive field of each number from the TensorFlow graph.

Each number has the edges of the smallest rectangle around the pixels that it sees. The result of an operation sees all
pixels that its inputs see. Borders and parallel branches are exact. The result of an unknown operation sees everything
that any input number sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dcgan_kit.networks.field_rules import REDUCTIONS, RULES, SHAPES, pointwise
from dcgan_kit.networks.receptive_field import NO_PIXEL, ReceptiveField, no_pixels


def propagated(
    graph: Any,
    sources: Sequence[Any],
    target: Any,
    fields: Sequence[ReceptiveField],
    statistics: bool,
    body: Callable[[Any], Any],
) -> ReceptiveField:
    """Return the field of a tensor.

    Args:
        graph: a TensorFlow graph whose shapes are all static.
        sources: the tensors of the graph that ``fields`` belong to.
        target: the tensor of the graph whose field is returned.
        fields: the field of each source.
        statistics: whether a statistic of a whole map, such as its mean, counts as seen by the numbers that use it.
            Such a statistic combines the map patch by patch.
        body: an operation → the graph of the function that it calls; None if it calls none.
    """
    flow = _Flow(fields, statistics, body)
    edges = {source.name: field.edges for source, field in zip(sources, fields, strict=True)}
    (found,) = flow.propagate(graph, edges, [target])
    return ReceptiveField(no_pixels(target) if found is None else found, flow.sides, flow.patch)


class _Flow:
    """Propagates edges through graphs, and records the largest patch of statistics over whole maps."""

    def __init__(self, fields: Sequence[ReceptiveField], statistics: bool, body: Callable[[Any], Any]) -> None:
        self.sides = fields[0].sides
        self.patch = max(field.patch[0] for field in fields), max(field.patch[1] for field in fields)
        self.statistics, self.body = statistics, body

    def propagate(self, graph: Any, edges: dict[str, Any], targets: Sequence[Any]) -> list[Any]:
        for operation in graph.get_operations():
            input_edges = [edges.get(tensor.name) for tensor in operation.inputs]
            if operation.type in SHAPES or all(each is None for each in input_edges):
                continue
            inner = self.body(operation)
            if inner is not None:
                known = {t.name: e for t, e in zip(inner.inputs, input_edges, strict=True) if e is not None}
                results = self.propagate(inner, known, inner.outputs)
            else:
                results = _results(operation, input_edges)
                if self._is_statistic(operation, input_edges[0], results[0]):
                    patch = ReceptiveField(input_edges[0], self.sides).widest
                    self.patch = max(self.patch[0], patch[0]), max(self.patch[1], patch[1])
                    continue
            found = zip(operation.outputs, results, strict=True)
            edges.update((tensor.name, result) for tensor, result in found if result is not None)
        return [edges.get(target.name) for target in targets]

    def _is_statistic(self, operation: Any, before: Any, after: Any) -> bool:
        return not self.statistics and operation.type in REDUCTIONS and _all_equal(after) and not _all_equal(before)


def _results(operation: Any, input_edges: list[Any]) -> list[Any]:
    shapes = [tensor.shape for tensor in (*operation.inputs, *operation.outputs)]
    rule = RULES.get(operation.type, pointwise)
    if all(shape.is_fully_defined() for shape in shapes):
        found = rule(operation, input_edges)
        if found is not None:
            return found
    return _everything(operation, input_edges)


def _everything(operation: Any, input_edges: list[Any]) -> list[Any]:
    """Return edges with which every result sees everything that any input number sees."""
    lowest = np.min([each.reshape(4, -1).min(1) for each in input_edges if each is not None], 0)
    return [lowest.reshape(4, *[1] * (tensor.shape.rank or 0)) for tensor in operation.outputs]


def _all_equal(edges: Any) -> bool:
    """Return whether all numbers that see any pixels see the same ones."""
    known = edges.reshape(4, -1)
    known = known[:, known[0] < NO_PIXEL]
    return bool((known == known[:, :1]).all())
