"""The check that XLA computes what TensorFlow computes without it: values, gradients and gradients of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.testing.complaints import compiling, require
from dcgan_kit.testing.random_numbers import same_random_numbers

TOLERANCE = 1e-3
"""Largest allowed difference, as a share of the largest number of a result.

Rounding makes at most 2e-6 with the built-in components on a processor: float32 rounds by 6e-8 of a number, XLA adds in
another order, and normalization cancels a digit. A GPU adds in more orders. What XLA computes wrongly differs by a
tenth and more.
"""
NOTHING = 1e-6
"""Differences below this share of the largest number of a case are rounding alone: the gradient of a bias before a
normalization or a softmax is 0, and what is computed for it is what rounding left."""
TOGETHER = 6
"""Cases that are compiled as one program: they share what compiling costs once. More take no less time together."""


@dataclass(frozen=True)
class Case:
    """A function to compare.

    Attributes:
        where: the component, its options and its input, for the message.
        function: tensors → results by name, such as ``the gradient of the input``.
        tensors: what it is called with. XLA computes what depends on nothing else while it compiles, and slowly.
        variables: Keras variables that it changes. Each call starts with the same values, and the values after it are
            compared too.
        otherwise: what to compare if TensorFlow itself has no gradient of a gradient of the function.
    """

    where: str
    function: Callable[..., Mapping[str, Any]]
    tensors: tuple[Any, ...] = ()
    variables: tuple[Any, ...] = ()
    otherwise: Case | None = None


def require_same_in_xla(cases: Sequence[Case]) -> None:
    """Check that functions give the same results when XLA compiles them. Random functions draw the same numbers.

    Raises:
        AssertionError: XLA cannot compile one of them, or a result differs by more than rounding.
    """
    with same_random_numbers():
        for start in range(0, len(cases), TOGETHER):
            _require_same(cases[start : start + TOGETHER])


def _require_same(cases: Sequence[Case]) -> None:
    tried = [_without_xla(case) for case in cases]
    for (case, wanted), found in zip(tried, _with_xla([case for case, _ in tried]), strict=True):
        nothing = NOTHING * max((np.abs(value).max(initial=0.0) for value in wanted.values()), default=0.0)
        for name, value in wanted.items():
            require(_close(value, found[name], nothing), f"{case.where}: {name} differs when XLA compiles it")


def _without_xla(case: Case) -> tuple[Case, Mapping[str, Any]]:
    """Return the results of a case without XLA, and the case that has them: its own or the one to try otherwise."""
    before = _values(case)
    try:
        results = case.function(*case.tensors)
    except LookupError:
        if case.otherwise is None:
            raise
        _restore(case, before)
        return _without_xla(case.otherwise)
    return case, _collected(case, results, before)


def _with_xla(cases: Sequence[Case]) -> Iterator[Mapping[str, Any]]:
    """Compile all cases as one program; if that fails, each by itself, to find out which of them cannot be compiled."""
    before = [_values(case) for case in cases]
    try:
        found = _compiled(cases)
    except Exception:
        for case, values in zip(cases, before, strict=True):
            with compiling(case.where):
                (results,) = _compiled([case])
            yield _collected(case, results, values)
        return
    for case, results, values in zip(cases, found, before, strict=True):
        yield _collected(case, results, values)


def _compiled(cases: Sequence[Case]) -> list[Mapping[str, Any]]:
    def together(given: Any) -> Any:
        return [dict(case.function(*tensors)) for case, tensors in zip(cases, given, strict=True)]

    found: list[Mapping[str, Any]] = tf.function(together, autograph=False, jit_compile=True)(
        [case.tensors for case in cases]
    )
    return found


def _collected(case: Case, results: Mapping[str, Any], before: Sequence[Any]) -> Mapping[str, Any]:
    """Return results and variables by name, and give the variables their values from before."""
    named = {name: _array(value) for name, value in results.items()}
    named |= {variable.path: _array(variable) for variable in case.variables}
    _restore(case, before)
    return named


def _array(value: Any) -> Any:
    return np.asarray(tf.cast(tf.convert_to_tensor(value), tf.float64))


def _values(case: Case) -> list[Any]:
    return [variable.numpy() for variable in case.variables]


def _restore(case: Case, values: Sequence[Any]) -> None:
    for variable, value in zip(case.variables, values, strict=True):
        variable.assign(value)


def _close(one: Any, other: Any, nothing: float) -> bool:
    return bool(np.abs(one - other).max(initial=0.0) <= max(TOLERANCE * np.abs(one).max(initial=0.0), nothing))
