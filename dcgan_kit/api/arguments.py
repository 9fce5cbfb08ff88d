"""Arguments of the API, checked before anything starts. The command line checks its own."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from os import PathLike
from typing import Any, SupportsIndex

from dcgan_kit.errors import UserError


def require_list(name: str, value: Any, least: int = 0) -> tuple[Any, ...]:
    """Return the items of a list. A single text or path would otherwise be taken for a list of its characters.

    Raises:
        UserError: the argument is no list, or has fewer than ``least`` items.
    """
    if isinstance(value, str | bytes | PathLike) or not isinstance(value, Iterable):
        raise UserError(f"{name}: give a list, [{value!r}] (given: {value!r})")
    items = tuple(value)
    if len(items) < least:
        raise UserError(f"{name}: the list is empty; name {least} at least")
    return items


def require_whole(name: str, value: Any, least: int, most: int) -> int:
    """Return a whole number.

    Raises:
        UserError: the argument is no whole number, or not from ``least`` to ``most``.
    """
    number = None if isinstance(value, bool) or not isinstance(value, SupportsIndex) else index(value)
    if number is None or not least <= number <= most:
        raise UserError(f"{name}: a whole number from {least:,} to {most:,} (given: {value!r})")
    return number
