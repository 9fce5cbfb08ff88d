"""Find images that a data set holds more than once: equal pixels, and pictures that are almost the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXAMPLES = 3
"""Most groups of duplicates that are named."""
NAMED = 4
"""Most images of a group that are named."""
SHARP = 8.0
"""Least standard deviation of the levels of a small copy: the hash of a picture that is almost flat says nothing."""
CLOSE = 3.0
"""Largest mean difference of two small copies, in levels of 255. JPEG at quality 75 changes them by less than 1."""
MARGIN = 4
"""Levels by which a pixel must be brighter than its neighbour: what is flat has no bits that noise can set."""
FLIPPED = 4
"""Most bits of 64 in which the hashes of two pictures that look alike differ."""
COMPARED = 16
"""Most earlier images that share a pair of rows and are compared."""


@dataclass(frozen=True)
class Duplicates:
    """Images that repeat others.

    Attributes:
        count: the images that repeat an earlier one.
        examples: the names of some groups of images, the largest first; the first name of each is the original.
    """

    count: int
    examples: tuple[tuple[str, ...], ...]


class DuplicateSearch:
    """Collects what identifies each image: 16 bytes for its pixels, and a small copy of 72 bytes."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._small: list[bytes] = []
        self._names: list[str] = []

    def add(self, name: str, digest: bytes, small: np.ndarray) -> None:
        """Take one image; see ``ImageFacts``."""
        self._names.append(name)
        self._digests.append(digest)
        self._small.append(small.tobytes())

    def equal(self) -> Duplicates:
        """Return the images whose pixels are those of an earlier one."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index, digest in enumerate(self._digests):
            groups[digest].append(index)
        return self._duplicates([group for group in groups.values() if len(group) > 1])

    def close(self) -> Duplicates:
        """Return the images that look like an earlier one and have other pixels: another size, or another compression.

        Two images look alike if their small copies differ little, also in where a pixel is brighter than its left
        neighbour (a "difference hash"). Each image is compared with a few earlier ones that share a row pair of the
        hash, so the time grows with the number of images, not with its square, and some pairs are missed.
        """
        small = np.frombuffer(b"".join(self._small), np.uint8).reshape(-1, 8, 9).astype(np.int16)
        codes = np.packbits(small[:, :, 1:] > small[:, :, :-1] + MARGIN, axis=2).reshape(-1, 8)
        deviations = small.std(axis=(1, 2))
        groups: dict[int, list[int]] = {}
        buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
        seen: set[bytes] = set()
        for index, digest in enumerate(self._digests):
            if digest in seen or deviations[index] < SHARP:
                continue
            seen.add(digest)
            mine = [buckets[band, codes[index, 2 * band : 2 * band + 2].tobytes()] for band in range(4)]
            earlier = sorted({first for bucket in mine for first in bucket})
            first = self._alike(index, earlier, small, codes)
            if first is not None:
                groups.setdefault(first, [first]).append(index)
                continue
            for bucket in mine:
                if len(bucket) < COMPARED:
                    bucket.append(index)
        return self._duplicates([*groups.values()])

    @staticmethod
    def _alike(index: int, earlier: list[int], small: np.ndarray, codes: np.ndarray) -> int | None:
        if not earlier:
            return None
        distance = np.abs(small[earlier] - small[index]).mean(axis=(1, 2))
        flips = np.bitwise_count(codes[earlier] ^ codes[index]).sum(axis=1)
        alike = np.flatnonzero((distance <= CLOSE) & (flips <= FLIPPED))
        return earlier[alike[0]] if len(alike) else None

    def _duplicates(self, groups: Sequence[Sequence[int]]) -> Duplicates:
        largest = sorted(groups, key=lambda group: (-len(group), group[0]))[:EXAMPLES]
        examples = tuple(tuple(self._names[index] for index in group[:NAMED]) for group in largest)
        return Duplicates(sum(len(group) - 1 for group in groups), examples)
