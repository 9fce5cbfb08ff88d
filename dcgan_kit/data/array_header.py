"""Read the header of a NumPy array in an untrusted file. It is checked first, because a header can claim anything."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dcgan_kit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

LARGEST_HEADER = 2**16
"""Most bytes of a header that are read. NumPy writes 128 for such arrays, but a file may claim 4 GiB."""


@dataclass(frozen=True)
class ArrayHeader:
    """An array in a file.

    Attributes:
        dtype: type of its elements; never Python objects.
        shape: its shape.
        fortran: whether the elements are in Fortran order: the first index varies fastest.
        size: size of the header in bytes; the elements follow it.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    size: int

    @property
    def nbytes(self) -> int:
        """Size of its elements in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def array_header(stream: IO[bytes]) -> ArrayHeader:
    """Read the header of an array that ``numpy.save`` or ``numpy.savez`` wrote.

    Afterwards the position of the stream is somewhere after the header.

    Raises:
        DataError: there is no valid header, or the elements are Python objects, which are never unpickled.
    """
    import numpy as np

    head = io.BytesIO(stream.read(LARGEST_HEADER))
    try:
        version = np.lib.format.read_magic(head)
        # Version 3 differs from 2 only in the characters of field names, and images have no fields.
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(head)
        if min(shape, default=0) < 0:
            raise ValueError("a side is negative")
    except Exception as error:
        # On a damaged header, NumPy and its parser of Python literals may raise any error.
        raise DataError("is not a NumPy array") from error
    if dtype.hasobject:
        raise DataError("holds Python objects, which are never unpickled: save it as numbers")
    return ArrayHeader(dtype, tuple(shape), fortran, head.tell())
