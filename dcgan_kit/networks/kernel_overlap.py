"""How evenly kernels cover pixels. Uneven overlap causes checkerboards; it can be computed without data.

Odena, Dumoulin, Olah 2016, https://distill.pub/2016/deconv-checkerboard
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dcgan_kit.networks.resampling import Flattened, Operation, Pooled, Resize, Window

_LENGTH = 4096
"""Stop when the period of the signal is longer than this many pixels: no image is larger."""


def overlap_factor(window: Window) -> float:
    """Return most taps / fewest taps that touch a pixel, as the product over both axes.

    With kernel k and stride s, phase r has ceil((k - r) / s) taps. 1 means even overlap. The result is infinite if no
    tap touches some pixel.
    """
    factor = 1.0
    for kernel, stride, dilation in zip(window.size, window.stride, window.dilation, strict=True):
        counts = taps(kernel, stride, dilation)
        factor *= math.inf if min(counts) == 0 else max(counts) / min(counts)
    return factor


def taps(kernel: int, stride: int, dilation: int = 1) -> tuple[int, ...]:
    """Return how many taps of a transposed convolution touch a pixel, for each phase of the stride along one axis."""
    counts = [0] * stride
    for tap in range(kernel):
        counts[(tap * dilation) % stride] += 1
    return tuple(counts)


def stack_evenness(operations: Sequence[Operation]) -> tuple[float, float]:
    """Apply all resamplings, with kernels of ones, to a signal of ones along each axis. Borders are ignored.

    Returns:
        (max / min, standard deviation / mean) of the result, for the axis with the larger pair; (1, 0) is even.
    """
    return graph_evenness([(operations, (-1,))])


def graph_evenness(parts: Sequence[tuple[Sequence[Operation], Sequence[int]]]) -> tuple[float, float]:
    """Return ``stack_evenness`` of parts of which some take the outputs of several others.

    Where ways meet, each one counts the same: their signals, with a mean of 1 each, are added.

    Args:
        parts: operations of each part, and the indices of the parts whose outputs it takes; -1 is the first signal.
    """
    worst = (1.0, 0.0)
    for axis in (0, 1):
        signals = [[1.0]]
        for operations, inputs in parts:
            signals.append(_pushed(_sum([signals[index + 1] for index in inputs]), operations, axis))
        low, high = min(signals[-1]), max(signals[-1])
        mean = sum(signals[-1]) / len(signals[-1])
        deviation = math.sqrt(sum((v - mean) ** 2 for v in signals[-1]) / len(signals[-1]))
        worst = max(worst, (math.inf if low == 0 else high / low, deviation / mean))
    return worst


def _sum(signals: Sequence[list[float]]) -> list[float]:
    """Add periodic signals. The sum has the smallest period that all of them have."""
    period = math.lcm(*map(len, signals))
    if len(signals) == 1 or period > _LENGTH:
        return signals[0]
    return [sum(signal[index % len(signal)] for signal in signals) for index in range(period)]


def _pushed(values: list[float], operations: Sequence[Operation], axis: int) -> list[float]:
    """Apply the operations to a signal along one axis. The signal is periodic, so that it has no borders."""
    for operation in operations:
        if len(values) > _LENGTH:
            break
        if isinstance(operation, Flattened | Pooled):
            values = [1.0]
        elif isinstance(operation, Resize):
            # Nearest and linear interpolation both keep the range of a periodic signal, so nearest is used for both.
            factor = max(1, round(operation.factor[axis]))
            values = [value for value in values for _ in range(factor)]
        elif operation.learned:
            values = _convolved(values, operation, axis)
        # Only proportions matter. Without this scaling, a deep stack of large kernels would overflow.
        mean = sum(values) / len(values)
        values = [value / mean for value in values]
    return values


def _convolved(values: list[float], window: Window, axis: int) -> list[float]:
    kernel, stride, dilation = window.size[axis], window.stride[axis], window.dilation[axis]
    taps = [tap * dilation for tap in range(kernel)]
    if window.transposed:
        spread = [0.0] * (len(values) * stride)
        for index, value in enumerate(values):
            for tap in taps:
                spread[(index * stride + tap) % len(spread)] += value
        return spread
    # Repeat the signal, so that each phase of the stride gets whole periods.
    period = values * stride
    return [sum(period[(index + tap) % len(period)] for tap in taps) for index in range(0, len(period), stride)]
