"""Symmetric padding: as many pixels before the first one as after the last one, as ``padding=`` of PyTorch's layers.

The padding ``same`` of Keras and TensorFlow may put one pixel more after the last one. Then it computes a function
that is shifted by a pixel: a 3x3 or 5x5 convolution at stride 2 on an even side is such a case.

All functions are for one axis.
"""

from __future__ import annotations


def padding_of(kernel: int, dilation: int = 1) -> int:
    """Return the pixels of padding on either side: half of what the kernel reaches beyond one pixel, rounded down."""
    return dilation * (kernel - 1) // 2


def equals_same(side: int, kernel: int, stride: int = 1, dilation: int = 1) -> bool:
    """Return whether a convolution computes the same with both paddings.

    Args:
        side: side of the convolution's input in pixels.
        kernel: side of the kernel.
        stride: step of the kernel.
        dilation: spacing of the kernel's taps.
    """
    reach, padding = dilation * (kernel - 1), padding_of(kernel, dilation)
    count = -(-side // stride)
    before = max((count - 1) * stride + reach + 1 - side, 0) // 2
    return before == padding and (side + 2 * padding - reach - 1) // stride + 1 == count


def transposed_equals_same(kernel: int, stride: int) -> bool:
    """Return whether a transposed convolution computes the same with both paddings; both give side · stride pixels."""
    return max(kernel - stride, 0) // 2 == padding_of(kernel)


def transposed_output_padding(kernel: int, stride: int) -> int:
    """Return how many pixels, after the last one that the kernel reaches, ``transposed_cropping`` needs."""
    return max(stride + padding_of(kernel) - kernel, 0)


def transposed_cropping(kernel: int, stride: int) -> tuple[int, int]:
    """Return how many pixels to crop, before and after, so that side · stride remain of a transposed convolution.

    The convolution has the padding ``valid`` and ``transposed_output_padding``. In PyTorch's terms this is ``padding=``
    the first number, with the ``output_padding`` that gives this size.
    """
    before = padding_of(kernel)
    return before, max(kernel - stride - before, 0)
