"""What changes the size of a map, and what weighs its pixels: the operations that parts of networks consist of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A sliding window over height and width.

    Attributes:
        learned: whether its taps are trained weights (a convolution) or fixed (pooling, blurring).
        transposed: whether it spreads an input over the window (transposed convolution) or gathers.
        size: taps along height and width, dilation not counted.
        stride: steps along height and width; of the output where transposed.
        dilation: spacing of the taps.
    """

    learned: bool
    transposed: bool
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Resize:
    """A change of size without a kernel, such as repeated or interpolated pixels.

    Attributes:
        factor: along height and width.
        taps: pixels along each side that one new pixel is made of.
    """

    factor: tuple[float, float]
    taps: int = 1


@dataclass(frozen=True)
class Flattened:
    """A matrix product: from here on every number depends on the whole map."""


@dataclass(frozen=True)
class Pooled:
    """A sum, mean or maximum over height and width: the whole map is seen, but only patch by patch."""


Operation = Window | Resize | Flattened | Pooled
