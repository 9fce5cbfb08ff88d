"""An archive of variables: arrays by name and texts in one npz file, each checked before it is read."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.runs.manifest import Damaged

META = "meta/"
"""Prefix of entries that are not variables but texts, as UTF-8, such as the resolved recipe."""
MAX_HEADER_BYTES = 64 * 2**10
"""Most bytes that an array in an archive needs besides its data: NumPy's header, and its name twice."""
MAX_TEXT_BYTES = 16 * 2**20
"""Most bytes of the recipe and the versions together."""
MAX_LISTED = 6
"""Most names in a message."""
Expected = Mapping[str, tuple[tuple[int, ...], Any]]
"""The shape and the NumPy dtype of each variable, by its name."""


def expected_arrays(variables: Mapping[str, Any]) -> Expected:
    """Return what an archive of these variables of Keras or TensorFlow holds."""
    return {
        name: (tuple(v.shape), np.dtype(v.dtype.name if hasattr(v.dtype, "name") else v.dtype))
        for name, v in variables.items()
    }


def most_bytes(expected: Expected) -> int:
    """Return the largest possible size of an archive; larger files are not read into memory."""
    numbers: int = sum(math.prod(shape) * dtype.itemsize for shape, dtype in expected.values())
    return numbers + len(expected) * MAX_HEADER_BYTES + MAX_TEXT_BYTES


def packed(values: Mapping[str, Any], texts: Mapping[str, bytes]) -> bytes:
    """Return arrays and texts as the content of one npz file."""
    arrays = {name: value for name, value in values.items()}
    for name, text in texts.items():
        arrays[META + name] = np.frombuffer(text, np.uint8)
    stream = io.BytesIO()
    # Slashes in names become folders inside the archive; the names are read back unchanged.
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def unpacked_variables(content: bytes, expected: Expected, what: str) -> dict[str, Any]:
    """Return the variables in the content of an npz file; each is checked before it is read.

    Args:
        content: the whole file.
        expected: the name, shape and dtype of each variable.
        what: the start of a message: the file, and what it is.

    Raises:
        Damaged: the archive is damaged, or holds numbers that are not finite, which training never writes.
        RunError: the variables belong to other networks.
    """
    values = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Uncompressed entries cannot be larger than the file. ``testzip`` then compares checksums.
            entries = archive.infolist()
            if any(info.compress_type != zipfile.ZIP_STORED for info in entries) or archive.testzip():
                raise Damaged("an entry is not what was written")
            # These bytes hold the number of entries. Python does not check it, so lost entries would go unnoticed.
            if int.from_bytes(content[-12:-10], "little") != len(entries):
                raise Damaged("its directory is not what was written")
            found = {name.removesuffix(".npy") for name in archive.namelist() if not name.startswith(META)}
            if found != set(expected):
                raise RunError(f"{what} of other networks than the recipe's")
            for name, (shape, dtype) in expected.items():
                values[name] = _array(archive, f"{name}.npy", shape, dtype, what)
    except (Damaged, RunError):
        raise
    except Exception as error:
        # zipfile and NumPy may raise any exception for a damaged archive.
        raise Damaged(str(error)) from error
    wrong = not_finite(values)
    if wrong:
        more = f" and {len(wrong) - MAX_LISTED} more" if len(wrong) > MAX_LISTED else ""
        raise Damaged(f"numbers that are not finite in {', '.join(wrong[:MAX_LISTED])}{more}")
    return values


def not_finite(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables with numbers that are not finite."""
    return [name for name, value in values.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], Any, bytes]:
    """Return shape, dtype and bytes of a NumPy array, without allocating the memory that its header asks for.

    Raises:
        Damaged: there are more or fewer bytes than the header says.
        ValueError: the content is not an array.
    """
    np.lib.format.read_magic(stream)
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    data = stream.read()
    if kind.hasobject or len(data) != math.prod(shape) * kind.itemsize:
        raise Damaged(f"there are {len(data)} bytes for an array of {kind} {shape}")
    return shape, kind, data


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: Any, what: str) -> Any:
    """Read one array after checking its header, because a damaged header may ask for any amount of memory."""
    with archive.open(name) as stream:
        found, kind, data = read_header(stream)
        if found != shape or kind != dtype:
            raise RunError(f"{what} of other networks than the recipe's ({name}: {found} {kind})")
    return np.frombuffer(data, dtype).reshape(shape)
