"""Worked examples of normalizations: one channel in training beside the same in inference, with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.errors import ComponentError, UserError
from dcgan_kit.explanations.explanation import Example, Grid, Histogram, Step, numbers, rows_of, shown
from dcgan_kit.explanations.given_numbers import map_of
from dcgan_kit.explanations.lone_component import LoneComponent
from dcgan_kit.recipes.resolved import Choice

BATCH = ((2.0, 30.0), (4.0, 10.0), (4.0, 50.0), (6.0, 30.0))
"""Four images of one pixel with two channels, whose means and variances can be worked out in the head."""
SCALE, SHIFT = 2.0, 1.0
_AXES = {
    "each channel, over the batch, height and width": (0, 1, 2),
    "each image and channel, over height and width": (1, 2),
    "each image, over height, width and channels": (1, 2, 3),
    "each pixel, over its channels": (3,),
}
"""Ways to take statistics: over these axes of (B, H, W, C)."""
_LARGE = 1000.0
"""Numbers of this size make any epsilon negligible."""
_FEWEST_CHANNELS = 8
"""Channels of the maps that are tried, so that groups of them can be told apart."""
_WIDTHS = (2, 16, 64)
"""Channels of the usual example: the fewest that the component takes."""
_ORIGIN_IMAGES, _ORIGIN_CHANNELS = 20, 4
_TOLERANCE = 1e-3
_ORIGINS = {"batch A, N(0, 1)": (0.0, 1.0), "batch B, N(5, 3²)": (5.0, 3.0)}


@dataclass(frozen=True)
class Rule:
    """What a normalization does, as far as trying shows it.

    Attributes:
        over: what its statistics are taken over, in words; empty if it is none of the usual ways.
        axes: the same as axes of (B, H, W, C).
        centred: whether it subtracts the mean; else it divides by the root of the mean square.
        groups: number of groups of channels that have statistics of their own.
    """

    over: str = ""
    axes: tuple[int, ...] = ()
    centred: bool = True
    groups: int = 1


@dataclass(frozen=True)
class Layout:
    """How rows of numbers become maps (B, H, W, C); columns are channels.

    Attributes:
        row: what a row is: ``image``, each of one pixel; or ``pixel``, of one image.
        channels: number of channels; more than the columns of a small example where a component needs them.
    """

    row: str
    channels: int

    def maps(self, rows: Any) -> Any:
        """Return rows (N, C) as maps."""
        return rows[:, None, None, :] if self.row == "image" else rows[None, :, None, :]

    def rows(self, maps: Any) -> Any:
        """Return maps as rows (N, C)."""
        return np.asarray(maps, "float64").reshape(-1, maps.shape[-1])


def normalization_example(choice: Choice, given: Any = None) -> Example:
    """Work a batch through a normalization, in training and in inference.

    Args:
        choice: the component with its options.
        given: the batch, as rows of numbers: one row an image, one column a channel; None: a small batch.

    Raises:
        UserError: the argument is no such rows, or the component does not take them.
    """
    if given is None:
        component, layout, batch = _usual(choice)
    else:
        batch = map_of("input", given)
        if len(batch) < 2:
            raise UserError("input: must have at least two rows, which are images of a batch. Received: 1")
        component, layout = _laid_out(choice, batch)
    rule, changes = _rule(choice, layout.channels)
    _set_scale_and_shift(component)
    before = [np.array(one) for one in component.statistics]
    maps = layout.maps(batch)
    training = layout.rows(component(maps, training=True))
    running = [
        (one.name.replace("_", " "), old, np.array(one))
        for one, old in zip(component.statistics, before, strict=True)
        if not np.array_equal(old, np.array(one))
    ]
    inference = layout.rows(component(maps))
    uses = _uses_statistics(component, maps)
    fitted, worked = _worked(choice, rule, layout, batch, training)
    steps = (*worked, *_running(running), _at_test(inference, uses))
    row = "an image" if layout.row == "image" else "a pixel"
    panels = (
        Grid(f"input: a row is {row}, a column a channel", rows_of(batch)),
        Grid("in training", rows_of(training)),
        Grid("at test", rows_of(inference)),
        *_shifted(choice, layout.channels),
    )
    facts = {
        "input": batch.tolist(),
        "training": np.round(training, 6).tolist(), "test": np.round(inference, 6).tolist(),
        "normalizes": rule.over, "subtracts the mean": rule.centred if rule.over else None,
        "scale": fitted[0] if fitted else None, "shift": fitted[1] if fitted else None,
        "running statistics": {name: np.round(new.astype("float64"), 6).tolist() for name, _, new in running},
        "uses running statistics": uses,
    }  # fmt: skip
    sentences = (_said(rule, changes), _both_modes(training, inference, bool(component.statistics), uses))
    return Example(panels, steps, sentences, facts)


def _said(rule: Rule, changes: bool) -> str:
    if not changes:
        return "It changes nothing."
    if not rule.over:
        return "Its statistics are none of the usual ones: only its inputs and outputs are shown."
    groups = f", in {rule.groups} groups of channels" if rule.groups > 1 else ""
    return f"It normalizes {rule.over}{groups}{'' if rule.centred else ', without subtracting the mean'}."


def _both_modes(training: Any, inference: Any, keeps: bool, uses: bool) -> str:
    differs = float(np.abs(training - inference).max())
    if uses:
        return f"In training and at test it differs by up to {shown(differs)} here, after one batch."
    if differs > _TOLERANCE:
        return f"In training and at test it differs by up to {shown(differs)} here, without running statistics."
    if keeps:
        return "It keeps running statistics, and does not use them: at test it does the same as in training."
    return "It does the same in training and at test: it keeps no running statistics."


def _usual(choice: Choice) -> tuple[LoneComponent, Layout, Any]:
    """Return the first example that a component takes: of two channels if it can, else of more."""
    refused: ComponentError | None = None
    for width in _WIDTHS:
        batch = np.concatenate([np.array(BATCH) + 2 * index for index in range(width // 2)], 1)
        try:
            return (*_laid_out(choice, batch), batch)
        except ComponentError as error:
            refused = error
    assert refused is not None
    raise refused


def _laid_out(choice: Choice, batch: Any) -> tuple[LoneComponent, Layout]:
    """Return the component for rows that are images, or, if it needs more than one pixel, pixels of one image."""
    channels = batch.shape[1]
    layout, pixels = Layout("image", channels), Layout("pixel", channels)
    try:
        return LoneComponent(choice, layout.maps(batch).shape[1:], channels), layout
    except ComponentError:
        return LoneComponent(choice, pixels.maps(batch).shape[1:], channels), pixels


def _set_scale_and_shift(component: LoneComponent) -> None:
    """Set scales of 1 to 2 and shifts of 0 to 1, so that both can be seen."""
    for weight in component.weights:
        if tuple(weight.shape) == component.output_shape[-1:]:
            for usual, seen in ((1.0, SCALE), (0.0, SHIFT)):
                if np.allclose(np.array(weight), usual):
                    weight.assign(np.full(weight.shape, seen))
                    break


def _uses_statistics(component: LoneComponent, maps: Any) -> bool:
    """Return whether the output at test depends on the running statistics."""
    before = component(maps)
    values = [np.array(one) for one in component.statistics]
    for one, value in zip(component.statistics, values, strict=True):
        one.assign(value + 1.0)
    after = component(maps)
    for one, value in zip(component.statistics, values, strict=True):
        one.assign(value)
    return not np.allclose(before, after, atol=_TOLERANCE)


def _rule(choice: Choice, channels: int) -> tuple[Rule, bool]:
    """Find out by trying what the statistics are taken over; return it, and whether the component changes numbers.

    The output of a normalization does not depend on the scale of its input, and is an affine function of the normalized
    input, channel by channel.
    """
    width = channels * -(-_FEWEST_CHANNELS // channels)
    random = np.random.default_rng(0)
    maps = _LARGE * (
        random.normal(1.0, 3.0, (4, 5, 5, width)) + random.permutation(width) + np.arange(4)[:, None, None, None]
    )
    component = LoneComponent(choice, maps.shape[1:], width)
    component.alike = True
    found, scaled = component(maps, training=True), component(3.0 * maps, training=True)
    changes = not np.allclose(found, maps, rtol=1e-5)
    if not np.allclose(found, scaled, atol=_TOLERANCE):
        return Rule(), changes
    images = "each image, over height, width and channels"
    groups = [count for count in range(2, width) if width % count == 0]
    tried = [Rule(over, axes, centred) for over, axes in _AXES.items() for centred in (True, False)]
    tried += [Rule(images, _AXES[images], centred, count) for count in groups for centred in (True, False)]
    return next((rule for rule in tried if _is_affine(_normalized(maps, rule), found)), Rule()), changes


def _is_affine(before: Any, after: Any) -> bool:
    """Return whether ``after`` is scale · ``before`` + shift in each channel; both are (B, H, W, C)."""
    for one, other in zip(np.moveaxis(before, -1, 0), np.moveaxis(after, -1, 0), strict=True):
        if _affine(one.ravel(), other.ravel()) is None:
            return False
    return True


def _affine(before: Any, after: Any) -> tuple[float, float] | None:
    """Return scale and shift with after = scale · before + shift; None if there are none."""
    if float(np.ptp(before)) < _TOLERANCE:
        return None
    scale, shift = np.polyfit(before, np.asarray(after, "float64"), 1)
    return (float(scale), float(shift)) if np.abs(scale * before + shift - after).max() < _TOLERANCE else None


def _normalized(maps: Any, rule: Rule) -> Any:
    shape, axes = maps.shape, rule.axes
    if rule.groups > 1:
        maps, axes = maps.reshape(*shape[:3], rule.groups, -1), (1, 2, 4)
    mean = maps.mean(axes, keepdims=True) if rule.centred else 0.0
    return ((maps - mean) / np.sqrt(((maps - mean) ** 2).mean(axes, keepdims=True))).reshape(shape)


def _first_group(rule: Rule, layout: Layout) -> tuple[str, Any]:
    """Return a name of the first numbers with statistics in common, and an index of them in the rows."""
    channels = np.s_[: max(1, layout.channels // rule.groups)] if 3 in rule.axes else 0
    over_rows = (0 in rule.axes) if layout.row == "image" else (1 in rule.axes)
    where = [] if over_rows else [f"{layout.row} 0"]
    if rule.groups > 1:
        where.append("first group of channels")
    elif 3 not in rule.axes:
        where.append("channel 0")
    return ", ".join(where) or "all numbers", (np.s_[:] if over_rows else 0, channels)


def _worked(
    choice: Choice, rule: Rule, layout: Layout, batch: Any, training: Any
) -> tuple[tuple[float, float] | None, list[Step]]:
    """Return scale and shift, and the steps of one group of numbers in training, each with the numbers put in.

    Where the output is no affine function of the normalized numbers, there are no steps.
    """
    if not rule.over:
        return None, []
    name, index = _first_group(rule, layout)
    group, result = np.ravel(batch[index]), np.ravel(training[index])
    mean = group.mean() if rule.centred else 0.0
    spread = float(((group - mean) ** 2).mean())
    epsilon = choice.options.get("epsilon")
    small = epsilon if isinstance(epsilon, float) else 0.0
    hat = (group - mean) / max(np.sqrt(spread + small), 1e-12)
    fitted = _affine(hat, result)
    if fitted is None:
        return None, []
    lines = []
    if rule.centred:
        lines.append(f"mean μ = ({_sum(map(_term, group))}) / {len(group)} = {shown(mean)}")
    squares = _sum(f"{_term(value - mean)}²" for value in group)
    word = "variance σ²" if rule.centred else "mean square s²"
    lines.append(f"{word} = ({squares}) / {len(group)} = {shown(spread)}")
    minus = f" - {_term(mean)}" if rule.centred else ""
    root = f"√({shown(spread)}{f' + {small:g}' if small else ''})"
    lines.append(f"ẑ = (z{minus}) / {root} = {', '.join(map(shown, hat))}")
    scale, shift = (round(value, 3) for value in fitted)
    if (scale, shift) != (1.0, 0.0):
        what = "scale γ and shift β" if shift else "scale γ"
        formula = f"{shown(scale)}·ẑ{f' + {_term(shift)}' if shift else ''}"
        lines.append(f"{what}: y = {formula} = {', '.join(map(shown, result))}")
    return (scale, shift), [Step(f"training, {name}: {line}", ()) for line in lines]


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms)


def _running(running: list[tuple[str, Any, Any]]) -> list[Step]:
    return [
        Step(f"running averages: {name} goes from {_listed(old)} to {_listed(new)}", ()) for name, old, new in running
    ]


def _at_test(inference: Any, uses: bool) -> Step:
    how = "with the running averages in place of the batch's" if uses else "as in training"
    return Step(f"at test, channel 0, {how}: y = {', '.join(map(shown, inference[:, 0]))}", ())


def _shifted(choice: Choice, channels: int) -> tuple[Histogram, Histogram]:
    """Return two batches of different origin before and after, each in training."""
    random = np.random.default_rng(0)
    width = channels * -(-_ORIGIN_CHANNELS // channels)
    before, after = {}, {}
    for name, (mean, deviation) in _ORIGINS.items():
        values = random.normal(mean, deviation, (_ORIGIN_IMAGES, 5, 5, width))
        before[name] = numbers(values)
        after[name] = numbers(LoneComponent(choice, values.shape[1:], width)(values, training=True))
    return (
        Histogram("two batches of different origin, before", "value", before),
        Histogram("the same after it, in training", "value", after),
    )


def _listed(values: Any) -> str:
    return "[" + ", ".join(map(shown, np.ravel(values))) + "]"


def _term(value: float) -> str:
    return shown(value) if value >= 0 or shown(value) == "0" else f"({shown(value)})"
