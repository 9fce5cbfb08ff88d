"""What a NumPy array in a file is, before a byte of it is read: a header can claim anything."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dcgan_kit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

LARGEST_HEADER = 2**16
"""Bytes of a header that are looked at; NumPy writes 128 for such arrays, and a file may claim 4 GiB."""


@dataclass(frozen=True)
class ArrayHeader:
    """An array in a file.

    Attributes:
        dtype: of its elements; never Python objects.
        shape: its sides.
        fortran: whether the first side is the one that varies fastest.
        size: bytes of the header; the elements follow.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return math.prod(self.shape) * self.dtype.itemsize


def array_header(stream: IO[bytes]) -> ArrayHeader:
    """Read the header of an array that ``numpy.save`` or ``numpy.savez`` wrote; the stream stands somewhere behind it.

    Raises:
        DataError: it is none, or its elements are Python objects, which are never unpickled.
    """
    import numpy as np

    head = io.BytesIO(stream.read(LARGEST_HEADER))
    try:
        version = np.lib.format.read_magic(head)
        # Version 3 differs from 2 in nothing but the letters that names of fields may have, and images have no fields.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(head)
        if min(shape, default=0) < 0:
            raise ValueError("a side is negative")
    except Exception as error:
        # A damaged header makes NumPy and its parser of Python's literals raise whatever they like.
        raise DataError("is no NumPy array") from error
    if dtype.hasobject:
        raise DataError("holds Python objects, which are never unpickled: save it as numbers")
    return ArrayHeader(dtype, tuple(shape), fortran, head.tell())
