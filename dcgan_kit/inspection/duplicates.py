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

        Two images look alike if each pixel of their small copies is brighter than its left neighbour in the same places
        (a "difference hash"), and if the copies differ little.
        """
        firsts = {digest: index for index, digest in reversed([*enumerate(self._digests)])}
        kept = sorted(firsts.values())
        if not kept:
            return Duplicates(0, ())
        small = np.frombuffer(b"".join(self._small[index] for index in kept), np.uint8).reshape(len(kept), 8, 9)
        hashes = np.packbits((small[:, :, 1:] > small[:, :, :-1]).reshape(len(kept), 64), axis=1)
        groups: dict[bytes, list[int]] = defaultdict(list)
        for place, code in enumerate(hashes):
            if small[place].std() >= SHARP:
                groups[code.tobytes()].append(place)
        found = [self._alike(group, small) for group in groups.values() if len(group) > 1]
        return self._duplicates([[kept[place] for place in group] for group in found if len(group) > 1])

    @staticmethod
    def _alike(group: Sequence[int], small: np.ndarray) -> list[int]:
        first = small[group[0]].astype(np.int16)
        return [place for place in group if np.abs(small[place] - first).mean() <= CLOSE]

    def _duplicates(self, groups: Sequence[Sequence[int]]) -> Duplicates:
        largest = sorted(groups, key=lambda group: (-len(group), group[0]))[:EXAMPLES]
        examples = tuple(tuple(self._names[index] for index in group[:NAMED]) for group in largest)
        return Duplicates(sum(len(group) - 1 for group in groups), examples)
