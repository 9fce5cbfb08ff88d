"""Observers' memory as text for checkpoints, so that a resumed run remembers what an uninterrupted run would."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dcgan_kit.errors import printable


def as_text(memory: Any) -> str:
    """Return a memory as text.

    It may hold None, booleans, numbers, strings, arrays, and lists, tuples, sets and mappings of these. Arrays of NumPy
    or TensorFlow come back as NumPy arrays. The same memory gives the same text.

    Raises:
        TypeError: the memory holds another type; the message says which.
    """
    return json.dumps(_plain(memory), separators=(",", ":"))


def from_text(text: str) -> Any:
    """Return the memory that ``as_text`` wrote.

    Raises:
        ValueError: the text is not such a memory.
    """
    try:
        return _made(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"is not a memory of observers: {printable(str(error))[:200]}") from error


def _plain(memory: Any) -> Any:
    if memory is None or isinstance(memory, bool | str):
        return memory
    if isinstance(memory, np.generic | np.ndarray) or hasattr(memory, "numpy"):
        array = np.asarray(memory)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of {array.dtype}")
        kind = "number" if isinstance(memory, np.generic) else "array"
        content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {kind: [array.dtype.str, list(array.shape), content]}
    if isinstance(memory, int | float):
        return memory
    if isinstance(memory, list):
        return [_plain(item) for item in memory]
    if isinstance(memory, tuple):
        return {"tuple": [_plain(item) for item in memory]}
    if isinstance(memory, set | frozenset):
        # The order of a set differs from process to process.
        return {"set": sorted((_plain(item) for item in memory), key=json.dumps)}
    if isinstance(memory, Mapping):
        return {"mapping": [[_plain(key), _plain(value)] for key, value in memory.items()]}
    raise TypeError(f"{type(memory).__module__}.{type(memory).__qualname__}")


def _made(data: Any) -> Any:
    if isinstance(data, list):
        return [_made(item) for item in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "tuple":
        return tuple(_made(item) for item in content)
    if kind == "set":
        return {_made(item) for item in content}
    if kind == "mapping":
        return {_made(key): _made(value) for key, value in content}
    if kind not in ("array", "number"):
        raise ValueError(f"unknown kind {kind!r}")
    dtype, shape, encoded = content
    if np.dtype(dtype).kind not in "biufc" or any(type(side) is not int or side < 0 for side in shape):
        raise ValueError("an array that is none")
    raw = base64.b64decode(encoded, validate=True)
    if len(raw) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError("an array of another size")
    array = np.frombuffer(raw, dtype).reshape(shape).copy()
    return array[()] if kind == "number" else array
