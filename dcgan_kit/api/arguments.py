"""Arguments of the API, checked before anything starts. The command line checks its own."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from os import PathLike
from typing import Any, SupportsIndex

from dcgan_kit.errors import UserError


def require_list(name: str, given: Any, least: int = 0) -> tuple[Any, ...]:
    """Return the items of a list. A single text or path would otherwise be taken for a list of its characters.

    Raises:
        UserError: the argument is no list, or has fewer than ``least`` items.
    """
    if isinstance(given, str | bytes | PathLike) or not isinstance(given, Iterable):
        raise UserError(f"{name}: give a list, [{given!r}] (given: {given!r})")
    items = tuple(given)
    if len(items) < least:
        raise UserError(f"{name}: the list is empty; name {least} at least")
    return items


def require_whole(name: str, given: Any, least: int, most: int) -> int:
    """Return a whole number.

    Raises:
        UserError: the argument is no whole number, or not from ``least`` to ``most``.
    """
    number = None if isinstance(given, bool) or not isinstance(given, SupportsIndex) else index(given)
    if number is None or not least <= number <= most:
        raise UserError(f"{name}: a whole number from {least:,} to {most:,} (given: {given!r})")
    return number
