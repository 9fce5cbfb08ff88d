"""What a layer does to single pixels: which inputs reach which outputs, and with which factors if it is linear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.explanations.lone_component import LoneComponent

_TRIALS = 8
_DRAWS = 3
_TOLERANCE = 1e-4
NOTHING = 1e-7
"""Factors below this are rounding errors."""

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class PixelMap:
    """How the pixels of an output depend on those of an input, both of one channel.

    Attributes:
        touched: boolean array (outputs, inputs): whether an input can change an output.
        taps: float array (outputs, inputs): how many weights of kernels lie between them. None if there are no kernels,
            or if their weights do not simply add up.
        factors: float array (outputs, inputs): output = factors · input + offset. None if the layers are not linear.
        offset: float array (outputs,).
        rule: name of the function of the inputs that reach an output: ``max`` or ``min``; empty for others.
    """

    touched: Any
    taps: Any
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
    factors, offset = _factors(function, count)
    tried = np.random.default_rng(0).normal(size=(_TRIALS, count))
    found = function(tried)
    scale = float(np.abs(found).max()) or 1.0
    if np.abs(tried @ factors.T + offset - found).max() <= _TOLERANCE * scale:
        touched, taps = _touched(component, function, count, factors)
        return PixelMap(touched, taps, factors, offset)
    touched = _reached(component, function, tried)
    return PixelMap(touched, None, None, offset, _rule(touched, tried, found))


def _flat(component: LoneComponent) -> Function:
    def function(values: Any) -> Any:
        found = component(np.reshape(values, (-1, *component.shape)))
        return np.reshape(found, (len(found), -1)).astype("float64")

    return function


def _factors(function: Function, count: int) -> tuple[Any, Any]:
    offset = function(np.zeros((1, count)))[0]
    return (function(np.eye(count)) - offset).T, offset


def _reached(component: LoneComponent, function: Function, tried: Any) -> Any:
    """Return which outputs change with which input, for the kernels of the component and for random ones."""
    touched = _dependence(function, tried)
    kernels = _kernels(component)
    with _restored(kernels):
        for _ in _random_kernels(kernels):
            touched = touched | _dependence(function, tried)
    return touched


def _touched(component: LoneComponent, function: Function, count: int, factors: Any) -> tuple[Any, Any]:
    """Return which inputs reach which outputs for any kernels, and how many of their weights lie between.

    Random kernels show what is reached; kernels of ones count, if the counts are whole and agree with that.
    """
    kernels = _kernels(component)
    touched = np.abs(factors) > NOTHING
    if not kernels:
        return touched, None
    with _restored(kernels):
        for _ in _random_kernels(kernels):
            touched = touched | (np.abs(_factors(function, count)[0]) > NOTHING)
        for kernel in kernels:
            kernel.assign(np.ones(kernel.shape))
        taps = _factors(function, count)[0]
    whole = np.abs(taps - np.rint(taps)).max() < _TOLERANCE
    return touched, np.rint(taps) if whole and np.array_equal(np.rint(taps) > 0, touched) else None


def _kernels(component: LoneComponent) -> list[Any]:
    return [weight for weight in component.weights if len(weight.shape) > 1]


def _random_kernels(kernels: list[Any]) -> Iterator[None]:
    """Set kernels to random numbers, a few times if there are any."""
    random = np.random.default_rng(0)
    for _ in range(_DRAWS if kernels else 0):
        for kernel in kernels:
            kernel.assign(random.normal(size=kernel.shape))
        yield


@contextmanager
def _restored(weights: list[Any]) -> Iterator[None]:
    before = [np.array(weight) for weight in weights]
    try:
        yield
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)


def _dependence(function: Function, tried: Any) -> Any:
    """Return which outputs change with which input, for large changes in both directions."""
    columns, before = [], function(tried)
    for place in range(tried.shape[1]):
        changed = np.repeat(tried[None], 2, 0)
        changed[0, :, place] += 100.0
        changed[1, :, place] -= 100.0
        after = function(changed.reshape(-1, tried.shape[1])).reshape(2, len(tried), -1)
        columns.append((np.abs(after - before) > _TOLERANCE).any((0, 1)))
    return np.stack(columns, 1)


def _rule(touched: Any, tried: Any, found: Any) -> str:
    for name, rule in (("max", np.max), ("min", np.min)):
        expected = [[rule(values[row]) if row.any() else np.nan for row in touched] for values in tried]
        if np.allclose(expected, found, atol=_TOLERANCE):
            return name
    return ""
