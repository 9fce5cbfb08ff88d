"""Types of options that components share, with their ranges: kernel size, stride, bias and others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field


@dataclass(frozen=True)
class Slot:
    """Marks an option whose value is a component: a name, or a mapping with ``use``.

    Write ``Annotated[Any, Slot("penalty"), Field(description=...)]``, with the default None. The factory receives None,
    or a function that builds the component from what ``KINDS[kind].argument`` describes. A component that ignores this
    argument can be built without it.
    """

    kind: str


def _side(description: str, highest: int, lowest: int = 1) -> Any:
    side = Annotated[int, Field(ge=lowest, le=highest)]
    return Annotated[side | tuple[side, side], Field(description=description)]


KernelSize = _side("side of the kernel in pixels, or [height, width]", 31)
"""An int, or a pair (height, width), of 1 to 31 pixels."""

Stride = _side("step of the kernel in pixels, or [vertical, horizontal]", 8)
"""An int, or a pair (vertical, horizontal), of 1 to 8 pixels."""

PoolSize = _side("side of the window in pixels, or [height, width]", 8)
"""An int, or a pair (height, width), of 1 to 8 pixels."""

Dilation = _side("spacing of the kernel's taps in pixels, or [vertical, horizontal]", 16)
"""An int, or a pair (vertical, horizontal), of 1 to 16 pixels."""

MapSize = _side("side of the map in pixels, or [height, width]", 1024)
"""An int, or a pair (height, width), of 1 to 1024 pixels."""

Padding = Annotated[
    Literal["same", "valid"],
    Field(description="'same' pads with zeros so that size / stride remains; 'valid' does not pad"),
]

ConvPadding = Annotated[
    Literal["same", "valid", "symmetric"],
    Field(
        description="'same' pads with zeros so that size / stride remains; 'valid' does not pad; 'symmetric' pads "
        "dilation · (kernel_size - 1) / 2 zeros, rounded down, on each side, as PyTorch's networks do"
    ),
]
"""A padding of ``Site.conv``, ``Site.depthwise_conv`` and ``Site.transposed_conv``."""

Groups = Annotated[
    int,
    Field(
        ge=1,
        le=4096,
        description="groups of channels, each convolved by itself; must divide the input's channels and the filters",
    ),
]
"""An int of 1 to 4096."""

Bias = Annotated[bool | None, Field(description="learn a bias; null: as the block's 'bias' says")]

Initializer = Annotated[
    Any, Slot("initializer"), Field(description="draws the kernel; null: as the block's 'initializer' says")
]
"""A component of kind ``initializer``; the factory receives a function seed → Keras initializer, or None."""

InitializerFactory = Callable[[int], Any]
"""The function that a factory receives for an option of type ``Initializer``."""


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return (vertical, horizontal) for an option that is one number or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def number_text(number: float) -> str:
    """Return a number as a recipe writes it: ``1.0e-05``, because YAML 1.1 reads ``1e-05`` as text."""
    if number != number:
        return ".nan"
    if number in (float("inf"), float("-inf")):
        return ".inf" if number > 0 else "-.inf"
    whole, exponent, power = repr(number).partition("e")
    return whole + (".0" if exponent and "." not in whole else "") + exponent + power
