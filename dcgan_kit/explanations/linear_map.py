"""What a layer does to single pixels: which inputs reach which outputs, and with which factors if it is linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.explanations.lone_component import LoneComponent

_TRIALS = 8
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class PixelMap:
    """How the pixels of an output depend on those of an input, both of one channel.

    Attributes:
        reach: float array (outputs, inputs): with how many taps an input reaches an output: what the output would be
            if all weights and this input were 1, and the other inputs 0. For layers that are not linear: 1 where the
            output depends on the input.
        factors: float array (outputs, inputs): output = factors · input + offset. None if the layers are not linear.
        offset: float array (outputs,).
        rule: name of the function of the inputs that reach an output: ``max`` or ``min``; empty for others.
    """

    reach: Any
    factors: Any
    offset: Any
    rule: str = ""


def pixel_map(component: LoneComponent) -> PixelMap:
    """Find out how the outputs of a component depend on its inputs, by trying.

    Args:
        component: a component of maps with one channel.
    """
    function = _flat(component)
    count = int(np.prod(component.shape))
    offset = function(np.zeros((1, count)))[0]
    factors = (function(np.eye(count)) - offset).T
    tried = np.random.default_rng(0).normal(size=(_TRIALS, count))
    found = function(tried)
    scale = float(np.abs(found).max()) or 1.0
    if np.abs(tried @ factors.T + offset - found).max() <= _TOLERANCE * scale:
        return PixelMap(_taps(component, function, count), factors, offset)
    reach = _dependence(function, tried)
    return PixelMap(reach, None, offset, _rule(reach, tried, found))


def _flat(component: LoneComponent) -> Callable[[Any], Any]:
    def function(values: Any) -> Any:
        found = component(np.reshape(values, (-1, *component.shape)))
        return np.reshape(found, (len(found), -1)).astype("float64")

    return function


def _taps(component: LoneComponent, function: Callable[[Any], Any], count: int) -> Any:
    """Return the map with all kernels of ones, which counts the taps between an input and an output."""
    before = [np.array(weight) for weight in component.weights]
    try:
        for weight in component.weights:
            weight.assign(np.ones(weight.shape) if len(weight.shape) > 1 else np.zeros(weight.shape))
        return (function(np.eye(count)) - function(np.zeros((1, count)))).T
    finally:
        for weight, value in zip(component.weights, before, strict=True):
            weight.assign(value)


def _dependence(function: Callable[[Any], Any], tried: Any) -> Any:
    """Return which outputs change with which input, for large changes in both directions."""
    columns = []
    for place in range(tried.shape[1]):
        changed = np.repeat(tried[None], 2, 0)
        changed[0, :, place] += 100.0
        changed[1, :, place] -= 100.0
        after = function(changed.reshape(-1, tried.shape[1])).reshape(2, len(tried), -1)
        columns.append((np.abs(after - function(tried)) > _TOLERANCE).any((0, 1)))
    return np.stack(columns, 1).astype("float64")


def _rule(reach: Any, tried: Any, found: Any) -> str:
    for name, rule in (("max", np.max), ("min", np.min)):
        expected = [[rule(values[row > 0]) if row.any() else np.nan for row in reach] for values in tried]
        if np.allclose(expected, found, atol=_TOLERANCE):
            return name
    return ""
