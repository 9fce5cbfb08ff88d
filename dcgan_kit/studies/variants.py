"""What a study varies: keys of a recipe, and the values that each takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.recipes.yaml_reader import read_argument
from dcgan_kit.recipes.yaml_writer import as_value

RECIPE = "recipe"
"""The axis whose values are recipes, instead of values of a key."""
MOST_VARIANTS = 1000


@dataclass(frozen=True)
class Axis:
    """A dotted key of a recipe, and the values that a study gives it.

    Attributes:
        key: the key, or ``recipe``.
        values: the values, as overrides write them.
        names: a short name for each value.
    """

    key: str
    values: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def named(self) -> bool:
        """Whether a name is other than its value."""
        return self.names != tuple(map(unquoted, self.values))


@dataclass(frozen=True)
class Variant:
    """One value for each axis.

    Attributes:
        settings: (dotted key, value as an override writes it), in the order of the axes.
        names: the short name of each value.
    """

    settings: tuple[tuple[str, str], ...]
    names: tuple[str, ...]

    @property
    def recipe(self) -> str | None:
        """The recipe, if recipes are varied."""
        return next((unquoted(value) for key, value in self.settings if key == RECIPE), None)

    @property
    def overrides(self) -> tuple[str, ...]:
        """The ``dotted.key=VALUE`` texts that make it."""
        return tuple(f"{key}={value}" for key, value in self.settings if key != RECIPE)

    @property
    def title(self) -> str:
        """A short name: the names of its values."""
        return ", ".join(self.names)


def unquoted(value: str) -> str:
    """Return a value as an override writes it, without the quotes of a plain text."""
    return value[1:-1] if value[:1] == '"' and not set(value[1:-1]) & set('"\\,:{}[]') else value


def parse_axis(text: str) -> Axis:
    """Parse ``KEY=VALUE,VALUE,…``. A value may be a mapping: ``{use: transposed_conv, kernel_size: 5}``.

    Raises:
        UserError: it has another form, has fewer than two values, or has a value twice.
    """
    key, equals, values = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--vary takes KEY=VALUE,VALUE: a key of the recipe and its values. Received: {text!r}")
    try:
        found = read_argument(f"[{values}]", "--vary", 1, len(key) + 1).data()
    except RecipeError as error:
        raise UserError(f"--vary {key.strip()}: {error.problems[0].message}. Received: {values!r}") from error
    try:
        return axis_of(key.strip(), found)
    except UserError as error:
        raise UserError(f"--vary {error}") from error


def axis_of(key: str, values: Sequence[object] | Mapping[str, object]) -> Axis:
    """Return the axis of a key with plain values, or with a mapping from names to values.

    Raises:
        UserError: there are fewer than two values, or two are equal.
    """
    named = isinstance(values, Mapping)
    written = tuple(as_value(value) for value in (values.values() if isinstance(values, Mapping) else values))
    names = tuple(map(str, values)) if named else tuple(map(unquoted, written))
    if len(written) < 2:
        raise UserError(f"{key}: a study compares at least two values. Received: {', '.join(written) or 'none'}")
    twice = [value for value, count in Counter(written).items() if count > 1]
    if twice:
        raise UserError(f"{key}: each value once. Received twice: {', '.join(twice)}")
    return Axis(key, written, names)


def variants_of(axes: Sequence[Axis]) -> tuple[Variant, ...]:
    """Return all combinations of the axes' values; the last axis changes fastest.

    Raises:
        UserError: there is no axis, a key has two, or there are more than 1,000 combinations.
    """
    if not axes:
        raise UserError("nothing is varied: name a key of the recipe and its values, as KEY=VALUE,VALUE")
    twice = [key for key, count in Counter(axis.key for axis in axes).items() if count > 1]
    if twice:
        raise UserError(f"{twice[0]}: is varied twice; give all its values at once")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    if count > MOST_VARIANTS:
        raise UserError(f"{count:,} combinations are more than {MOST_VARIANTS:,}; vary fewer keys at once")
    for axis in axes:
        if len(set(axis.names)) < len(axis.names):
            raise UserError(f"{axis.key}: each value needs a name of its own. Received: {', '.join(axis.names)}")
    choices = [list(zip(axis.values, axis.names, strict=True)) for axis in axes]
    return tuple(
        Variant(
            tuple((axis.key, value) for axis, (value, _) in zip(axes, chosen, strict=True)),
            tuple(name for _, name in chosen),
        )
        for chosen in product(*choices)
    )
