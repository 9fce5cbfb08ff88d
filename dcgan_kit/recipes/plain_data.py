"""Convert a recipe that a Python program gives as a mapping to plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.recipes.yaml_reader import MAX_DEPTH


def plain_data(value: Any, key: str = "") -> Any:
    """Return a value in the types of YAML: paths become text, NumPy numbers Python numbers, tuples lists.

    Args:
        value: the value.
        key: its dotted key, for messages.

    Raises:
        UserError: YAML has no type for a value, or the value is nested more than 50 levels deep.
    """
    if key.count(".") >= MAX_DEPTH:
        raise UserError(f"{key[:60]}…: nested more than {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    below = f"{key}." if key else ""
    if isinstance(value, Mapping):
        return {_name(name, key): plain_data(one, f"{below}{name}") for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(one, f"{below}{index}") for index, one in enumerate(value)]
    raise UserError(
        f"{key or 'the recipe'}: a recipe holds texts, numbers, true, false, null, lists and mappings (given: "
        f"{type(value).__name__})"
    )


def _name(name: Any, key: str) -> str:
    if not isinstance(name, str):
        raise UserError(f"{key or 'the recipe'}: keys are texts (given: {name!r:.60})")
    return name
