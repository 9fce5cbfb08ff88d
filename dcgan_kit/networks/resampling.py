"""The operations in parts of networks that change the size of a map or weigh its pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A sliding window over height and width.

    Attributes:
        learned: whether its taps are weights (a convolution) or fixed (pooling, blurring).
        transposed: whether it spreads an input over the window (transposed convolution), or combines the inputs in it.
        size: number of taps along height and width.
        stride: stride along height and width; for a transposed window, that of the output.
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
        factor: factor along height and width.
        taps: number of old pixels along each axis that one new pixel is computed from.
    """

    factor: tuple[float, float]
    taps: int = 1


@dataclass(frozen=True)
class Flattened:
    """A matrix product: all later numbers depend on the whole map."""


@dataclass(frozen=True)
class Pooled:
    """A sum, mean or maximum over height and width: it combines the whole map, but only patch by patch."""


Operation = Window | Resize | Flattened | Pooled
