"""Worked examples of normalizations: one channel in training beside the same in inference, with the numbers put in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError
from dcgan_kit.explanations.explanation import Example, Grid, Histogram, Step, rows_of, shown
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
_TRIED_CHANNELS = 16
_TOLERANCE = 2e-3
_MANY = 2000
_ORIGINS = {"batch A, N(0, 1)": (0.0, 1.0), "batch B, N(5, 3)": (5.0, 3.0)}


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
    rule = _rule(choice)
    learned = _with_scale_and_shift(component)
    before = [np.array(one) for one in component.statistics]
    maps = layout.maps(batch)
    training = layout.rows(component(maps, training=True))
    running = [
        (one.name, old, np.array(one))
        for one, old in zip(component.statistics, before, strict=True)
        if old.shape == np.array(one).shape and not np.array_equal(old, np.array(one))
    ]
    inference = layout.rows(component(maps))
    steps = (
        *_worked(choice, rule, layout, batch, training, learned),
        *_running(running),
        *_at_test(inference, running),
    )
    panels = (
        Grid(
            f"input: a row is {'an image' if layout.row == 'image' else 'a pixel'}, a column a channel", rows_of(batch)
        ),
        Grid("in training", rows_of(training)),
        Grid("at test", rows_of(inference)),
        *_shifted(choice),
    )
    differs = float(np.abs(training - inference).max())
    sentences = [
        _said(rule, bool(np.array_equal(training, batch) and np.array_equal(inference, batch))),
        "It does the same in training and at test: it keeps no running statistics."
        if differs < 1e-5
        else f"In training and at test it differs by up to {shown(differs)} here, after one batch.",
    ]
    facts = {
        "input": batch.tolist(),
        "training": np.round(training, 6).tolist(), "inference": np.round(inference, 6).tolist(),
        "normalizes": rule.over, "subtracts the mean": rule.centred, "scale": learned[0], "shift": learned[1],
        "running statistics": {name: np.round(new.astype("float64"), 6).tolist() for name, _, new in running},
    }  # fmt: skip
    return Example(panels, steps, tuple(sentences), facts)


def _said(rule: Rule, same: bool) -> str:
    if same:
        return "It changes nothing."
    if not rule.over:
        return "Its statistics are none of the usual ones: only its inputs and outputs are shown."
    groups = f", in {rule.groups} groups of channels" if rule.groups > 1 else ""
    return f"It normalizes {rule.over}{groups}{'' if rule.centred else ', without subtracting the mean'}."


def _usual(choice: Choice) -> tuple[LoneComponent, Layout, Any]:
    """Return the first example that a component takes: of two channels if it can, else of more."""
    batch = np.array(BATCH)
    wide = np.concatenate([batch + 2 * index for index in range(_TRIED_CHANNELS // 2)], 1)
    try:
        return (*_laid_out(choice, batch), batch)
    except UserError:
        return (*_laid_out(choice, wide), wide)


def _laid_out(choice: Choice, batch: Any) -> tuple[LoneComponent, Layout]:
    """Return the component for rows that are images, or, if it needs more than one pixel, pixels of one image."""
    channels = batch.shape[1]
    layouts = (Layout("image", channels), Layout("pixel", channels))
    for layout in layouts:
        try:
            return LoneComponent(choice, layout.maps(batch).shape[1:], channels), layout
        except UserError as error:
            refused = error
    raise refused


def _with_scale_and_shift(component: LoneComponent) -> tuple[float | None, float | None]:
    """Set what a normalization learns to 2 and 1, so that both can be seen; return what it has of both."""
    scale = shift = None
    for weight in component.weights:
        if len(weight.shape) == 1 and np.allclose(np.array(weight), 1.0):
            weight.assign(np.full(weight.shape, SCALE))
            scale = SCALE
        elif len(weight.shape) == 1 and np.allclose(np.array(weight), 0.0):
            weight.assign(np.full(weight.shape, SHIFT))
            shift = SHIFT
    return scale, shift


def _rule(choice: Choice) -> Rule:
    """Find out what the statistics are taken over, by trying."""
    maps = np.random.default_rng(0).normal(1.0, 3.0, (4, 5, 5, _TRIED_CHANNELS)) + np.arange(_TRIED_CHANNELS)
    found = LoneComponent(choice, maps.shape[1:], maps.shape[-1])(maps, training=True)
    whole = [(Rule(over, axes, centred)) for over, axes in _AXES.items() for centred in (True, False)]
    images = "each image, over height, width and channels"
    grouped = [Rule(images, _AXES[images], centred, groups) for groups in (2, 4, 8) for centred in (True, False)]
    return next((rule for rule in (*whole, *grouped) if _close(_normalized(maps, rule), found)), Rule())


def _close(one: Any, other: Any) -> bool:
    return bool(np.abs(one - other).max() < _TOLERANCE)


def _normalized(maps: Any, rule: Rule) -> Any:
    shape = maps.shape
    if rule.groups > 1:
        maps = maps.reshape(*shape[:3], rule.groups, -1)
        axes: tuple[int, ...] = (1, 2, 4)
    else:
        axes = rule.axes
    mean = maps.mean(axes, keepdims=True) if rule.centred else 0.0
    return ((maps - mean) / np.sqrt(((maps - mean) ** 2).mean(axes, keepdims=True))).reshape(shape)


def _first_group(rule: Rule, layout: Layout, batch: Any) -> tuple[str, Any]:
    """Return a name of the first numbers with statistics in common, and an index of them in the rows."""
    channels = np.s_[: layout.channels // rule.groups] if 3 in rule.axes else 0
    over_rows = (0 in rule.axes) if layout.row == "image" else (1 in rule.axes)
    row = "image" if layout.row == "image" else "pixel"
    where = [] if over_rows else [f"{row} 0"]
    if rule.groups > 1:
        where.append("first group of channels")
    elif 3 not in rule.axes:
        where.append("channel 0")
    return ", ".join(where) or "all", (np.s_[:] if over_rows else 0, channels)


def _worked(
    choice: Choice,
    rule: Rule,
    layout: Layout,
    batch: Any,
    training: Any,
    learned: tuple[float | None, float | None],
) -> list[Step]:
    """Return the steps of one group of numbers in training, each with the numbers put in."""
    if not rule.over:
        return []
    name, index = _first_group(rule, layout, batch)
    group, result = np.ravel(batch[index]), np.ravel(training[index])
    mean = group.mean() if rule.centred else 0.0
    spread = float(((group - mean) ** 2).mean())
    epsilon = choice.options.get("epsilon")
    small = epsilon if isinstance(epsilon, float) else 0.0
    hat = (group - mean) / max(np.sqrt(spread + small), 1e-12)
    lines = []
    if rule.centred:
        lines.append(f"mean μ = ({_sum(map(_term, group))}) / {len(group)} = {shown(mean)}")
    word = "variance σ²" if rule.centred else "mean square s²"
    squares = _sum(f"{_term(value - mean)}²" for value in group)
    lines.append(f"{word} = ({squares}) / {len(group)} = {shown(spread)}")
    minus = f" - {_term(mean)}" if rule.centred else ""
    root = f"√({shown(spread)}{f' + {small:g}' if small else ''})"
    lines.append(f"ẑ = (z{minus}) / {root} = {', '.join(map(shown, hat))}")
    scale, shift = learned
    if scale is not None or shift is not None:
        formula = f"{'' if scale is None else f'{scale:g}·'}ẑ{'' if shift is None else f' + {shift:g}'}"
        what = " and ".join(word for word, has in (("scale γ", scale), ("shift β", shift)) if has is not None)
        lines.append(f"{what}: y = {formula} = {', '.join(map(shown, result))}")
    return [Step(f"training, {name}: {line}", ()) for line in lines]


def _sum(terms: Iterable[str]) -> str:
    return " + ".join(terms)


def _running(running: list[tuple[str, Any, Any]]) -> list[Step]:
    steps = []
    for name, old, new in running:
        title = name.replace("_", " ")
        steps.append(Step(f"running averages: {title} goes from {_listed(old)} to {_listed(new)}", ()))
    return steps


def _at_test(inference: Any, running: list[tuple[str, Any, Any]]) -> list[Step]:
    uses = "with the running averages in place of the batch's" if running else "as in training"
    return [Step(f"at test, channel 0, {uses}: y = {', '.join(shown(value) for value in inference[:, 0])}", ())]


def _shifted(choice: Choice) -> tuple[Histogram, Histogram]:
    """Return two batches of different origin before and after, each in training."""
    random = np.random.default_rng(0)
    before, after = {}, {}
    for name, (mean, deviation) in _ORIGINS.items():
        values = random.normal(mean, deviation, (_MANY // 400, 5, 5, _TRIED_CHANNELS))
        before[name] = values
        after[name] = LoneComponent(choice, values.shape[1:], values.shape[-1])(values, training=True)
    return (
        Histogram("two batches of different origin, before", "value", {k: _tuple(v) for k, v in before.items()}),
        Histogram("the same after it, in training", "value", {k: _tuple(v) for k, v in after.items()}),
    )


def _listed(values: Any) -> str:
    return "[" + ", ".join(shown(float(value)) for value in np.ravel(values)) + "]"


def _term(value: float) -> str:
    return shown(value) if value >= 0 else f"({shown(value)})"


def _tuple(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in np.ravel(values))
