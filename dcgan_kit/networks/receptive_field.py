"""The receptive field of each number of a tensor: the pixels of the first map that the number depends on.

After Araujo et al. 2019, distill.pub/2019/computing-receptive-fields, whose formulas are for the interior of a map
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

NO_PIXEL = np.iinfo(np.int16).max
"""All edges of a number that sees no pixel. The edges of other numbers are smaller."""


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The pixels that each number of a tensor sees.

    Attributes:
        edges: int16 (4, ...): top, left, -bottom, -right, so that the union of two rectangles is the elementwise
            minimum; then the tensor's axes. An axis has size 1 if all numbers along it see the same.
        sides: height and width of the first map.
        patch: height and width of the largest patch from which a statistic of a whole map, such as its mean, was
            computed; (0, 0) if there is none, or if statistics count as seen.
    """

    edges: Any
    sides: tuple[int, int]
    patch: tuple[int, int] = (0, 0)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReceptiveField):
            return NotImplemented
        same = (self.sides, self.patch) == (other.sides, other.patch)
        return same and np.array_equal(self.edges, other.edges)

    @staticmethod
    def of_map(height: int, width: int) -> ReceptiveField:
        """Return the field of the first map: each pixel sees itself."""
        rows, columns = np.indices((height, width), np.int16)
        edges = np.stack([rows, columns, -rows, -columns])[:, None, :, :, None]
        return ReceptiveField(edges, (height, width))

    @staticmethod
    def of_everything(axes: int) -> ReceptiveField:
        """Return the field of a tensor that is no map, with this number of axes: it counts as a single pixel."""
        return ReceptiveField(np.zeros((4, *[1] * axes), np.int16), (1, 1))

    @property
    def widest(self) -> tuple[int, int]:
        """Height and width of the largest rectangle that a number sees; (0, 0) if no number sees any pixel."""
        top, left, bottom, right = self.edges
        sees_pixels = top < NO_PIXEL
        if not sees_pixels.any():
            return (0, 0)
        return int((1 - bottom - top)[sees_pixels].max()), int((1 - right - left)[sees_pixels].max())


def no_pixels(tensor: Any) -> Any:
    """Return the edges of a tensor whose numbers see no pixel."""
    return np.full((4, *[1] * tensor.shape.rank), NO_PIXEL, np.int16)
