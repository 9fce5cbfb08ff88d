"""How evenly upsampling covers its output, counted by trying: uneven overlap draws checkerboards."""

from __future__ import annotations

from typing import Any

import numpy as np

from dcgan_kit.explanations.explanation import Grid, rows_of, shown
from dcgan_kit.explanations.linear_map import PixelMap, pixel_map
from dcgan_kit.explanations.lone_component import LoneComponent

SHOWN = 8
"""Side of the map whose overlap is shown."""
_SIDES = (SHOWN, 16, 32)
"""Sides that are tried until the middle of the map feels no border."""


def overlap_of(component: LoneComponent, found: PixelMap) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
    """Return how many contributions each output gets, and whether this is even.

    Args:
        component: a component of kind ``upsample`` with one channel.
        found: what it does to the map of the example.
    """
    if found.factors is None:
        return (), ()
    title = _title(found)
    grids = [Grid(title, rows_of(_counts(found, component.output_shape)))]
    for side in _SIDES:
        larger = _on_map(component, side)
        if larger is None:
            return tuple(grids), ("Its weights depend on the size of the map, so the overlap inside was not counted.",)
        wide = pixel_map(larger)
        counts = _counts(wide, larger.output_shape)
        if side == SHOWN:
            grids.append(Grid(f"{title}, for an input of {SHOWN}x{SHOWN}", rows_of(counts)))
        middle = _one_period(counts, wide, side)
        if middle is not None:
            return tuple(grids), (_sentence(middle, found),)
    return tuple(grids), ("The border of the map reaches everywhere, so the overlap inside was not counted.",)


def _on_map(component: LoneComponent, side: int) -> LoneComponent | None:
    """Return a component with the same weights for a larger map; None if they do not fit it."""
    larger = LoneComponent(component.choice, (side, side, 1))
    if [tuple(weight.shape) for weight in larger.weights] != [tuple(weight.shape) for weight in component.weights]:
        return None
    for weight, same in zip(larger.weights, component.weights, strict=True):
        weight.assign(same.value)
    return larger


def _title(found: PixelMap) -> str:
    return "how many contributions each output gets" if _counted(found) else "what the weights of each output add up to"


def _counted(found: PixelMap) -> bool:
    return found.taps is not None


def _counts(found: PixelMap, shape: tuple[int, ...]) -> Any:
    return (found.taps if _counted(found) else found.factors).sum(1).reshape(shape[:2])


def _one_period(counts: Any, found: PixelMap, side: int) -> Any:
    """Return what repeats in the middle of the map; None if the border reaches it."""
    periods = [max(1, round(length / side)) for length in counts.shape]
    starts = [(length // 2 // period) * period for length, period in zip(counts.shape, periods, strict=True)]
    (row, column), (high, wide) = starts, periods
    middle = counts[row : row + high, column : column + wide]
    around = counts[row - high : row + 2 * high, column - wide : column + 2 * wide]
    inputs = found.touched.reshape(*counts.shape, side, side)[row : row + high, column : column + wide].any((0, 1))
    if inputs[[0, -1]].any() or inputs[:, [0, -1]].any():
        return None
    return middle if np.allclose(around, np.tile(middle, (3, 3)), atol=1e-5) else None


def _sentence(middle: Any, found: PixelMap) -> str:
    lowest, highest = float(middle.min()), float(middle.max())
    even = highest - lowest < 1e-5
    if not _counted(found):
        if even:
            return f"Inside, the weights of each output add up to {shown(highest)}: no checkerboard by overlap."
        return (
            f"Inside, the weights of an output add up to {shown(lowest)} to {shown(highest)}: an uneven overlap, which "
            "draws checkerboards."
        )
    if even:
        many = f"{shown(highest)} contribution{'' if highest == 1 else 's'}"
        return f"Inside, each output gets {many}: no checkerboard by overlap."
    ratio = "and some get none" if lowest == 0 else f"the most are {shown(highest / lowest)} times the fewest"
    return (
        f"Inside, outputs get {shown(lowest)} to {shown(highest)} contributions, {ratio}: an uneven overlap, which "
        "draws checkerboards."
    )
