"""Shapes of a DCGAN's networks for a size of images: the first map, and the filters of each stage."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.errors import UserError

SMALLEST_MAP, LARGEST_MAP = 4, 16
"""Sides of the generator's first map. Radford et al. 2015, arXiv 1511.06434, begin at 4x4."""
MOST_FILTERS = 512
WIDE = 64
"""Filters at the last map but one of small images, as in lecture-fashion28."""
NARROW = 32
"""The same with four doublings or more: half of what the PyTorch example has, and a quarter of its cost."""


@dataclass(frozen=True)
class NetworkShape:
    """Shapes of both networks.

    Attributes:
        first_map: height and width of the generator's first map.
        generator: the filters of its input and its stages; each stage doubles the map, and so does its output.
        discriminator: the filters of its stages; each halves the map.
    """

    first_map: tuple[int, int]
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]


def network_shape(spec: ImageSpec) -> NetworkShape:
    """Return shapes for a size.

    Raises:
        UserError: the size cannot be reached by doubling a map of 4 to 16 pixels.
    """
    doublings = _doublings(spec)
    first = (spec.height // 2**doublings, spec.width // 2**doublings)
    if not doublings or min(first) > LARGEST_MAP:
        raise UserError(f"size: {_advice(spec)}. Received: {spec.height}x{spec.width}")
    last = WIDE if doublings < 4 else NARROW
    generator = tuple(min(MOST_FILTERS, last * 2**stage) for stage in reversed(range(doublings)))
    narrowest = last if doublings > 2 else NARROW
    halvings = 1
    while -(-min(spec.height, spec.width) // 2**halvings) > SMALLEST_MAP:
        halvings += 1
    discriminator = tuple(min(MOST_FILTERS, narrowest * 2**stage) for stage in range(halvings))
    return NetworkShape(first, generator, discriminator)


def _doublings(spec: ImageSpec) -> int:
    doublings, height, width = 0, spec.height, spec.width
    while height % 2 == width % 2 == 0 and min(height, width) >= 2 * SMALLEST_MAP:
        doublings, height, width = doublings + 1, height // 2, width // 2
    return doublings


def _advice(spec: ImageSpec) -> str:
    near = [max(16, 16 * round(side / 16)) for side in (spec.height, spec.width)]
    return f"a generator doubles a small map several times, so take multiples of 16, such as {near[0]}x{near[1]}"
