"""Worked examples of convolution, downsampling and upsampling: windows that scan a map, and kernels that stamp one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from dcgan_kit.errors import ComponentError, UserError, counted
from dcgan_kit.explanations.explanation import Cell, Example, Grid, Step, partly, rows_of, shown
from dcgan_kit.explanations.given_numbers import map_of
from dcgan_kit.explanations.linear_map import NOTHING, PixelMap, pixel_map
from dcgan_kit.explanations.lone_component import LoneComponent
from dcgan_kit.explanations.overlap import overlap_of
from dcgan_kit.networks.part_builder import times
from dcgan_kit.recipes.resolved import Choice

INPUTS: Mapping[str, Any] = {
    "convolution": [[1, 2, 0, 1], [0, 1, 3, 0], [2, 0, 1, 2], [1, 1, 0, 1]],
    "downsample": [[0, 20, 30, 45], [8, 1, 23, 43], [0, 4, 40, 20], [10, 6, 43, 42]],
    "upsample": [[1, 4], [0, 2]],
}
"""The input of an example, by kind, if the user gives none."""
LARGEST_OUTPUT = 1024
"""Most numbers of an output, e.g. 32x32: its sums are written out."""
_SMALL = (1, 2, 0, -1, 1)
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
    try:
        component = LoneComponent(choice, (*values.shape, 1))
    except ComponentError as error:
        raise UserError(
            f"{error}. The input of the example is {times((*values.shape, 1))}; a window may be larger than it: "
            "give a larger one with --input"
        ) from error
    if 0 in component.output_shape:
        raise UserError(f"input: the window is larger than the input of {times(values.shape)}; give a larger input")
    if int(np.prod(component.output_shape)) > LARGEST_OUTPUT:
        raise UserError(
            f"input: gives an output of {times(component.output_shape)} here, and an example writes out at most "
            f"{LARGEST_OUTPUT:,} numbers; give a smaller input"
        )
    used = _with_kernel(component, None if kernel is None else map_of("kernel", kernel))
    return _Example(component, values, used, pixel_map(component)).example()


def with_kernel_size(choice: Choice, kernel: Any) -> Choice:
    """Return the component with ``kernel_size`` of the kernel that the user gives.

    Raises:
        UserError: the kernel is no rows of numbers, or the component has no such option or does not take this size.
    """
    side = tuple(map_of("kernel", kernel).shape)
    size = side[0] if side[0] == side[1] else side
    if "kernel_size" not in choice.options:
        raise UserError(f"kernel: {choice.component.name} has no option kernel_size, so it takes no kernel")
    if not _takes(choice, "kernel_size", size):
        raise UserError(f"kernel: {choice.component.name} does not take a kernel of {times(side)}")
    return replace(choice, options={**choice.options, "kernel_size": size})


def _takes(choice: Choice, option: str, value: Any) -> bool:
    """Return whether a value is allowed for an option of a component."""
    field = choice.component.options.model_fields[option]
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _with_kernel(component: LoneComponent, kernel: Any) -> Any:
    """Set the kernel of a component, and return it (H, W); None if it has none, or several."""
    kernels = [weight for weight in component.weights if len(weight.shape) == 4]
    for weight in kernels:
        weight.assign(_small_numbers(tuple(weight.shape)))
    single = len(kernels) == 1 and tuple(kernels[0].shape[2:]) == (1, 1)
    if kernel is not None:
        name = component.choice.component.name
        if not single:
            raise UserError(f"kernel: {name} has no single kernel of one channel that could be set")
        size = tuple(kernels[0].shape[:2])
        if size != kernel.shape:
            raise UserError(f"kernel: {name} has a kernel of {times(size)} here. Received: {times(kernel.shape)}")
        kernels[0].assign(kernel[:, :, None, None])
    return np.array(kernels[0])[:, :, 0, 0] if single else None


def _small_numbers(shape: tuple[int, ...]) -> Any:
    """Return a kernel of small whole numbers, with different rows and columns, which a reader can add up."""
    row, column, into, out = np.indices(shape)
    return np.array(_SMALL)[(3 * row + column + 2 * into + out) % len(_SMALL)]


class _Example:
    def __init__(self, component: LoneComponent, values: Any, kernel: Any, found: PixelMap) -> None:
        self.component, self.values, self.kernel, self.found = component, values, kernel, found
        self.name = component.choice.component.name
        self.output = np.array(component(values[None, :, :, None]))[0, :, :, 0]
        self.upsamples = component.kind == "upsample"

    def example(self) -> Example:
        result = Grid("output", rows_of(self.output))
        steps = self._stamping() if self.upsamples and self.found.factors is not None else self._scanning()
        uses, sentences = overlap_of(self.component, self.found) if self.upsamples else self._uses()
        cut = self._cut() if self.upsamples else ()
        learned = int(sum(np.prod(weight.shape) for weight in self.component.weights))
        facts: dict[str, Any] = {
            "input": self.values.tolist(),
            "kernel": None if self.kernel is None else self.kernel.tolist(),
            "output": np.round(self.output.astype("float64"), 6).tolist(),
            "sums": self._sums,
            "trainable parameters": learned,
            "counts": {grid.title: [list(row) for row in grid.rows] for grid in uses},
        }
        learns = f"It has {counted(learned, 'weight')} to learn here." if learned else "It has nothing to learn."
        return Example((*self._given(), result, *uses), steps, (*self._notes(), *sentences, *cut, learns), facts)

    def _given(self, marked: frozenset[Cell] = frozenset()) -> tuple[Grid, ...]:
        kernel = () if self.kernel is None else (Grid("kernel", rows_of(self.kernel)),)
        return (Grid("input", rows_of(self.values), marked), *kernel)

    def _notes(self) -> list[str]:
        notes = []
        if self.found.factors is None and not self.found.rule:
            notes.append(
                "f is no sum, and neither the largest nor the smallest number: only what goes in and out is shown."
            )
        if np.abs(self.found.offset).max() > NOTHING:
            notes.append("Each sum ends with what the output is for an input of zeros.")
        return notes

    def _cut(self) -> tuple[str, ...]:
        """Return a sentence about stamps that the padding cuts at the edge, if it cuts any."""
        if self.found.taps is None or self.kernel is None:
            return ()
        sizes, whole = self.found.taps.sum(0), self.kernel.size
        # If an input reaches more outputs than the kernel has weights, the component does not stamp its kernel.
        if sizes.max() > whole or sizes.min() == whole:
            return ()
        padding = self.component.choice.options.get("padding")
        why = f"padding {padding}" if isinstance(padding, str) else "the edge"
        cut, most, least = counted(int((sizes < whole).sum()), "input"), sizes[sizes < whole].max(), sizes.min()
        left = f"{least:.0f}" if least == most else f"{least:.0f} to {most:.0f}"
        return (f"A whole stamp has {whole} numbers. Here {why} cuts the stamps of {cut}: {left} numbers are left.",)

    @cached_property
    def _sums(self) -> list[list[str]]:
        """How each output comes about: a sum of products, the largest number of several, or their function."""
        height, width = self.output.shape
        return [[self._sum(row * width + column) for column in range(width)] for row in range(height)]

    def _sum(self, place: int) -> str:
        sources, flat = np.flatnonzero(self.found.touched[place]), self.values.ravel()
        if self.found.factors is None:
            return f"{self.found.rule or 'f'}({', '.join(shown(flat[source]) for source in sources)})"
        terms = [f"{_factor(self.found.factors[place, source])}·{_factor(flat[source])}" for source in sources]
        if abs(self.found.offset[place]) > NOTHING:
            terms.append(_factor(self.found.offset[place]))
        return " + ".join(terms) or "0"

    def _line(self, cell: Cell) -> str:
        return f"output {_place(cell)} = {self._sums[cell[0]][cell[1]]} = {shown(self.output[cell])}"

    def _scanning(self) -> tuple[Step, ...]:
        """Return one step for each output: the window of the input that it is made from."""
        there = np.zeros(self.output.shape, bool)
        steps = []
        for place in range(self.output.size):
            cell = _cell(place, self.output)
            there[cell] = True
            sources = np.flatnonzero(self.found.touched[place])
            window = frozenset(_cell(int(source), self.values) for source in sources)
            output = Grid("output", partly(self.output, there), frozenset({cell}))
            steps.append(Step(self._line(cell), (*self._given(window), output)))
        return tuple(steps)

    def _stamping(self) -> tuple[Step, ...]:
        """Return one step for each input, what it adds to the output; then the sum of each output."""
        so_far = np.reshape(self.found.offset, self.output.shape).copy()
        steps = []
        for place in range(self.values.size):
            cell = _cell(place, self.values)
            stamp = np.reshape(self.found.factors[:, place] * self.values[cell], self.output.shape)
            reached = np.reshape(self.found.touched[:, place], self.output.shape)
            so_far = so_far + stamp
            touched = frozenset((int(row), int(column)) for row, column in zip(*np.nonzero(reached), strict=True))
            text = f"input {_place(cell)} = {shown(self.values[cell])} adds {_box(stamp, reached)}"
            added = Grid("what it adds", partly(stamp, reached), touched)
            sums = Grid("output so far", rows_of(so_far), touched)
            steps.append(Step(text, (*self._given(frozenset({cell})), added, sums)))
        cells = (_cell(place, self.output) for place in range(self.output.size))
        return (*steps, *(Step(self._line(cell), ()) for cell in cells))

    def _uses(self) -> tuple[tuple[Grid, ...], tuple[str, ...]]:
        """Return how often each input is used, with the padding of the component and with another one."""
        choice = self.component.choice
        own = _use(self.found, self.values)
        padding = choice.options.get("padding", "")
        padding = padding if isinstance(padding, str) else ""
        grids = [Grid(f"how often each input is used{padding and f', padding {padding}'}", rows_of(own))]
        other = _OTHER_PADDING.get(padding, "")
        if other and _takes(choice, "padding", other):
            try:
                found = LoneComponent(
                    replace(choice, options={**choice.options, "padding": other}), self.component.shape
                )
                used = rows_of(_use(pixel_map(found), self.values))
                grids.append(Grid(f"how often each input is used, padding {other}", used))
            except ComponentError:
                # The map is too small for it, and the example is complete without it.
                pass
        times_used = _range(own)
        return tuple(grids), (f"Each input is used {times_used} time{'' if times_used == '1' else 's'}.",)


def _use(found: PixelMap, values: Any) -> Any:
    """Return how often each input is used: by how many weights of kernels, or else by how many outputs."""
    return (found.touched if found.taps is None else found.taps).sum(0).astype("float64").reshape(values.shape)


def _cell(place: int, of: Any) -> Cell:
    row, column = divmod(place, of.shape[1])
    return (int(row), int(column))


def _factor(value: float) -> str:
    return shown(value) if value >= 0 or shown(value) == "0" else f"({shown(value)})"


def _place(cell: Cell) -> str:
    return f"({cell[0]}, {cell[1]})"


def _range(values: Any) -> str:
    lowest, highest = shown(float(values.min())), shown(float(values.max()))
    return lowest if lowest == highest else f"{lowest} to {highest}"


def _box(stamp: Any, reached: Any) -> str:
    """Return the part of a stamp that it fills, as rows of numbers."""
    rows, columns = np.flatnonzero(reached.any(1)), np.flatnonzero(reached.any(0))
    if not rows.size:
        return "nothing"
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = ", ".join("[" + ", ".join(map(shown, row)) + "]" for row in partly(stamp[box], reached[box]))
    return f"[{inside}] from {_place((int(rows[0]), int(columns[0])))}"
