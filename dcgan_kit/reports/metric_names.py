"""What a number of the metrics is, told by its name.

generator_loss, images_per_second      training's own
fd[fashion-classifier@1a2b,n=2000]     a score; its key carries how it was measured
floor/fd[fashion-classifier@1a2b,…]    what real images get in it against other real ones
generator.stage2.activation/dead       a probe's reading: the place, and what was asked
"""

from __future__ import annotations

FLOOR = "floor/"


def is_floor(name: str) -> bool:
    """Whether it is what real images get in a score."""
    return name.startswith(FLOOR)


def is_score(name: str) -> bool:
    """Whether it is a score of samples."""
    return "[" in name and not is_floor(name)


def is_reading(name: str) -> bool:
    """Whether a probe read it off a network."""
    return "/" in name and "[" not in name and not is_floor(name)
