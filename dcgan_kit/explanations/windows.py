"""Worked examples of convolution, downsampling and upsampling: windows that scan a map, and kernels that stamp one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError
from dcgan_kit.explanations.explanation import Cell, Example, Grid, Step, rows_of, shown
from dcgan_kit.explanations.given_numbers import map_of
from dcgan_kit.explanations.linear_map import PixelMap, pixel_map
from dcgan_kit.explanations.lone_component import LoneComponent
from dcgan_kit.recipes.resolved import Choice

INPUTS: Mapping[str, Any] = {
    "convolution": [[1, 2, 0, 1], [0, 1, 3, 0], [2, 0, 1, 2], [1, 1, 0, 1]],
    "downsample": [[0, 20, 30, 45], [8, 1, 23, 43], [0, 4, 40, 20], [10, 6, 43, 42]],
    "upsample": [[1, 4], [0, 2]],
}
"""The input of an example, by kind, if the user gives none."""
_COVERED = 8
"""Side of the map whose overlap is counted: large enough for an inside without border."""
_OTHER_PADDING = {"same": "valid", "symmetric": "valid", "valid": "same"}


def window_example(choice: Choice, given: Any = None, kernel: Any = None) -> Example:
    """Work an example through a component that maps a map to a map.

    Args:
        choice: the component with its options; of kind ``convolution``, ``downsample`` or ``upsample``.
        given: the input, as rows of numbers; None: one that fits the kind.
        kernel: the kernel, as rows of numbers; None: small whole numbers.

    Raises:
        UserError: an argument is no such rows, or the component does not take them.
    """
    values = map_of("input", INPUTS[choice.component.kind] if given is None else given)
    component = LoneComponent(choice, (*values.shape, 1))
    _require_one_map(component)
    used = _with_kernel(component, None if kernel is None else map_of("kernel", kernel))
    found = pixel_map(component)
    return _Example(component, values, used, found).example()


def with_kernel_size(choice: Choice, kernel: Any) -> Choice:
    """Return the component with ``kernel_size`` of the kernel that the user gives.

    Raises:
        UserError: the kernel is no rows of numbers, or the component has no such option.
    """
    side = tuple(map_of("kernel", kernel).shape)
    if "kernel_size" not in choice.options:
        raise UserError(f"kernel: {choice.component.name} has no option kernel_size, so it takes no kernel")
    return replace(choice, options={**choice.options, "kernel_size": side[0] if side[0] == side[1] else side})


def _require_one_map(component: LoneComponent) -> None:
    if len(component.output_shape) != 3 or component.output_shape[2] != 1:
        raise UserError(
            f"{component.choice.component}: returns {component.output_shape[2]} channels for an input of one, so its "
            "sums cannot be written side by side"
        )


def _with_kernel(component: LoneComponent, kernel: Any) -> Any:
    """Set the kernel of a component, and return it (H, W); None if it has none, or several."""
    kernels = [weight for weight in component.weights if len(weight.shape) == 4]
    for weight in kernels:
        weight.assign(_small_numbers(tuple(weight.shape)))
    single = len(kernels) == 1 and tuple(kernels[0].shape[2:]) == (1, 1)
    if kernel is not None:
        if not single:
            has = "no kernel" if not kernels else "more than one kernel"
            raise UserError(f"kernel: {component.choice.component.name} has {has} to set")
        size = tuple(kernels[0].shape[:2])
        if size != kernel.shape:
            wide, given = (f"{one[0]}x{one[1]}" for one in (size, kernel.shape))
            raise UserError(f"kernel: {component.choice.component.name} has a kernel of {wide} here. Received: {given}")
        kernels[0].assign(kernel[:, :, None, None])
    return np.array(kernels[0])[:, :, 0, 0] if single else None


def _small_numbers(shape: tuple[int, ...]) -> Any:
    """Return a kernel of small whole numbers, different in each row and column, which a reader can add up."""
    return np.reshape([(1, 2, 0, -1, 1)[place % 5] for place in range(int(np.prod(shape)))], shape)


class _Example:
    def __init__(self, component: LoneComponent, values: Any, kernel: Any, found: PixelMap) -> None:
        self.component, self.values, self.kernel, self.found = component, values, kernel, found
        self.output = np.array(component(values[None, :, :, None]))[0, :, :, 0]
        self.stamps = component.choice.component.kind == "upsample" and found.factors is not None

    def example(self) -> Example:
        given = Grid("input", rows_of(self.values))
        panels = [given]
        if self.kernel is not None:
            panels.append(Grid("kernel", rows_of(self.kernel)))
        result = Grid("output", rows_of(self.output))
        steps = self._stamping() if self.stamps else self._scanning()
        uses, sentences = self._uses()
        facts: dict[str, Any] = {
            "input": self.values.tolist(),
            "kernel": None if self.kernel is None else self.kernel.tolist(),
            "output": np.round(self.output.astype("float64"), 6).tolist(),
            "sums": [list(row) for row in self._sums()],
        }
        facts.update({grid.title: [list(row) for row in grid.rows] for grid in uses})
        facts["trainable parameters"] = int(sum(np.prod(weight.shape) for weight in self.component.weights))
        learned = facts["trainable parameters"]
        learns = f"It has {learned} weights to learn here." if learned else "It has nothing to learn."
        return Example((*panels, result, *uses), steps, (*sentences, learns), facts)

    def _cell(self, place: int, of: Any) -> Cell:
        row, column = divmod(place, of.shape[1])
        return (int(row), int(column))

    def _sources(self, place: int) -> list[int]:
        """Return the inputs that reach an output."""
        reach = (
            self.found.reach
            if self.found.factors is None
            else np.maximum(np.abs(self.found.reach), np.abs(self.found.factors) > 1e-7)
        )
        return [int(source) for source in np.flatnonzero(reach[place] > 1e-7)]

    def _sum(self, place: int) -> str:
        """Return how an output comes about: a sum of products, the largest number of several, or their function."""
        sources = self._sources(place)
        flat = self.values.ravel()
        if self.found.factors is None:
            inside = ", ".join(shown(flat[source]) for source in sources)
            return f"{self.found.rule or 'f'}({inside})"
        terms = [f"{_factor(self.found.factors[place, source])}·{_factor(flat[source])}" for source in sources]
        if abs(self.found.offset[place]) > 1e-7:
            terms.append(shown(self.found.offset[place]))
        return " + ".join(terms) or "0"

    def _sums(self) -> tuple[tuple[str, ...], ...]:
        height, width = self.output.shape
        return tuple(tuple(self._sum(row * width + column) for column in range(width)) for row in range(height))

    def _scanning(self) -> tuple[Step, ...]:
        """Return one step for each output: the window of the input that it is made from."""
        so_far = np.full(self.output.shape, np.nan)
        steps = []
        for place in range(self.output.size):
            cell = self._cell(place, self.output)
            so_far[cell] = self.output[cell]
            window = frozenset(self._cell(source, self.values) for source in self._sources(place))
            panels = (
                Grid("input", rows_of(self.values), window),
                *(() if self.kernel is None else (Grid("kernel", rows_of(self.kernel)),)),
                Grid("output", rows_of(so_far), frozenset({cell})),
            )
            steps.append(Step(self._line(place), panels))
        return tuple(steps)

    def _stamping(self) -> tuple[Step, ...]:
        """Return one step for each input: what it adds to the output."""
        so_far = np.reshape(self.found.offset, self.output.shape).copy()
        steps = []
        for place in range(self.values.size):
            cell = self._cell(place, self.values)
            stamp = np.reshape(self.found.factors[:, place] * self.values[cell], self.output.shape)
            reached = np.reshape(self.found.reach[:, place] > 1e-7, self.output.shape)
            so_far = so_far + stamp
            touched = frozenset((int(row), int(column)) for row, column in zip(*np.nonzero(reached), strict=True))
            shown_stamp = np.where(reached, stamp, np.nan)
            box = _box(shown_stamp)
            text = f"input {_place(cell)} = {shown(self.values[cell])} adds {box}"
            panels = (
                Grid("input", rows_of(self.values), frozenset({cell})),
                *(() if self.kernel is None else (Grid("kernel", rows_of(self.kernel)),)),
                Grid("what it adds", rows_of(shown_stamp), touched),
                Grid("output so far", rows_of(so_far), touched),
            )
            steps.append(Step(text, panels))
        sums = [Step(self._line(place), ()) for place in range(self.output.size)]
        return (*steps, *sums)

    def _line(self, place: int) -> str:
        cell = self._cell(place, self.output)
        return f"output {_place(cell)} = {self._sum(place)} = {shown(self.output[cell])}"

    def _uses(self) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
        """Return how often pixels are used, and what that means."""
        if self.component.choice.component.kind == "upsample":
            return self._overlap()
        own = _use(self.component, self.found, self.values)
        name = _padding(self.component.choice)
        grids = [Grid(f"how often each input is used{name and f', padding {name}'}", rows_of(own))]
        other = _OTHER_PADDING.get(name)
        if other is not None:
            grids.append(self._used_with(other))
        times = _range(own)
        sentences = (f"Each input is used {times} time{'' if times == '1' else 's'}.",)
        return tuple(grid for grid in grids if grid.rows), sentences

    def _used_with(self, padding: str) -> Grid:
        """Return how often each input is used with other padding; without rows where the map is too small for it."""
        choice = self.component.choice
        title = f"how often each input is used, padding {padding}"
        try:
            other = LoneComponent(replace(choice, options={**choice.options, "padding": padding}), self.component.shape)
        except UserError:
            return Grid(title, ())
        return Grid(title, rows_of(_use(other, pixel_map(other), self.values)))

    def _overlap(self) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
        if self.found.factors is None:
            return (), ()
        larger = LoneComponent(self.component.choice, (_COVERED, _COVERED, 1))
        counts = pixel_map(larger).reach.sum(1).reshape(larger.output_shape[:2])
        here = self.found.reach.sum(1).reshape(self.output.shape)
        border = [side // 4 for side in counts.shape]
        inside = counts[border[0] : -border[0] or None, border[1] : -border[1] or None]
        lowest, highest = float(inside.min()), float(inside.max())
        if highest - lowest < 1e-6:
            many = f"{shown(highest)} contribution{'' if highest == 1 else 's'}"
            what = f"Inside, each output gets {many}: no checkerboard by overlap."
        else:
            ratio = "and some get none" if lowest < 1e-7 else f"the most are {shown(highest / lowest)} times the fewest"
            what = (
                f"Inside, outputs get {shown(lowest)} to {shown(highest)} contributions, {ratio}: an uneven overlap, "
                "which draws checkerboards."
            )
        grids = (
            Grid("how many contributions each output gets", rows_of(here)),
            Grid(f"contributions for an input of {_COVERED}x{_COVERED}", rows_of(counts)),
        )
        return grids, (what,)


def _use(component: LoneComponent, found: PixelMap, values: Any) -> Any:
    """Return how often each input is used: by how many taps, or by how many outputs if there are no kernels."""
    kernels = any(len(weight.shape) > 1 for weight in component.weights)
    counted = found.reach if kernels else found.reach > 1e-7
    return counted.sum(0).astype("float64").reshape(values.shape)


def _padding(choice: Choice) -> str:
    found = choice.options.get("padding", "")
    return found if isinstance(found, str) else ""


def _factor(value: float) -> str:
    return shown(value) if value >= 0 else f"({shown(value)})"


def _place(cell: Cell) -> str:
    return f"({cell[0]}, {cell[1]})"


def _range(values: Any) -> str:
    lowest, highest = shown(float(values.min())), shown(float(values.max()))
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _box(stamp: Any) -> str:
    """Return the part of a stamp that it fills, as rows of numbers."""
    rows, columns = np.flatnonzero(~np.isnan(stamp).all(1)), np.flatnonzero(~np.isnan(stamp).all(0))
    if not rows.size:
        return "nothing"
    part = stamp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = ", ".join("[" + ", ".join(shown(None if v != v else v) for v in row) + "]" for row in part)
    return f"[{inside}] from {_place((int(rows[0]), int(columns[0])))}"
