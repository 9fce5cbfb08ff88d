"""Kinds of numbers in the metrics, recognized by name.

generator_loss, images_per_second      a number of training itself
fd[fashion-classifier@1a2b,n=2000]     a score; its protocol is in brackets
floor/fd[fashion-classifier@1a2b,…]    the floor of a score: real images compared with other real images
generator.stage2.activation/dead       a reading of a probe: the place, and the name of the reading
"""

from __future__ import annotations

FLOOR = "floor/"


def is_floor(name: str) -> bool:
    """Whether the number is the floor of a score."""
    return name.startswith(FLOOR)


def is_score(name: str) -> bool:
    """Whether the number is a score of samples."""
    return "[" in name and not is_floor(name)


def is_reading(name: str) -> bool:
    """Whether the number is a reading of a probe."""
    return "/" in name and "[" not in name and not is_floor(name)
