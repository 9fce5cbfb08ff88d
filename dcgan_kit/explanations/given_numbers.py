"""The numbers that a user gives an example: rows of numbers, as YAML or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError

LARGEST = 16
"""Most rows and columns: a reader follows no more by hand."""


def map_of(name: str, given: Any) -> Any:
    """Return rows of numbers as an array (H, W) of float64.

    Args:
        name: what the user calls it, for messages.
        given: a sequence of rows of equal length.

    Raises:
        UserError: it is no such sequence, or is larger than 16x16.
    """
    rows = _items(given)
    found = [_items(row) for row in rows or ()]
    if not found or None in found:
        raise UserError(f'{name}: must be rows of numbers, such as "[[1, 4], [0, 2]]". Received: {given!r:.80}')
    rows = [row for row in found if row is not None]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise UserError(
            f"{name}: all rows must have equally many numbers. Received: rows of {lengths[0]} and {lengths[-1]}"
        )
    if not lengths[0] or max(len(rows), lengths[0]) > LARGEST:
        raise UserError(f"{name}: must have 1 to {LARGEST} rows and columns. Received: {len(rows)}x{lengths[0]}")
    return np.array(
        [
            [_number(f"{name}: row {i + 1}, column {j + 1}", value) for j, value in enumerate(row)]
            for i, row in enumerate(rows)
        ]
    )


def numbers_of(name: str, given: Any, fewest: int = 1, most: int = 64) -> Any:
    """Return numbers as an array (N,) of float64.

    Raises:
        UserError: it is no sequence of numbers, or has too few or too many.
    """
    values = _items(given)
    if values is None:
        raise UserError(f'{name}: must be numbers, such as "[1, 2, 4]". Received: {given!r:.80}')
    if not fewest <= len(values) <= most:
        raise UserError(f"{name}: must have {fewest} to {most} numbers. Received: {len(values)}")
    return np.array([_number(f"{name}: number {i + 1}", value) for i, value in enumerate(values)])


def _items(given: Any) -> list[Any] | None:
    """Return the items of a sequence or an array; None for anything else, and for texts."""
    if isinstance(given, np.ndarray):
        return list(given) if given.ndim else None
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str | bytes) else None


def _number(place: str, value: Any) -> float:
    whole = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    # NaN is not at most 1e6 either.
    if not whole or not abs(value) <= 1e6:
        raise UserError(f"{place}: must be a number between -1e6 and 1e6. Received: {value!r:.80}")
    return float(value)
