"""What a search may choose: for each key of a recipe a list of values, or a range of numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.yaml_writer import as_value

KEYS = ("low", "high", "log", "step")
Setting = str | int | float
"""What was chosen: a number of a range, or the text of a value in a list, as an override writes it."""


@dataclass(frozen=True)
class Choices:
    """Some values of a key.

    Attributes:
        key: dotted key of the recipe.
        values: at least two values, as overrides write them.
    """

    key: str
    values: tuple[str, ...]

    def text(self, setting: Setting) -> str:
        """Return a chosen value as an override writes it.

        Raises:
            ValueError: it is not one of the values.
        """
        if setting not in self.values:
            raise ValueError
        return str(setting)

    @property
    def examples(self) -> tuple[Setting, ...]:
        """Values whose recipes must be valid: all."""
        return self.values

    def place(self, example: int) -> tuple[str | int, ...]:
        """Return where in the study file an example stands."""
        return ("search", self.key, example)

    def as_data(self) -> Any:
        """Return the value of the key in a study file."""
        from dcgan_kit.recipes.yaml_reader import read_value

        return [plain_data(read_value(value, "study").data()) for value in self.values]


@dataclass(frozen=True)
class Range:
    """A range of numbers of a key, both ends included.

    Attributes:
        key: dotted key of the recipe.
        low: the smallest number.
        high: the largest number.
        log: whether equal ratios are equally likely, instead of equal differences.
        step: distance of the numbers from ``low`` on; None: any number between, or any whole one.
    """

    key: str
    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole: both ends are written without a point."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def text(self, setting: Setting) -> str:
        """Return a chosen number as an override writes it.

        Raises:
            ValueError: it is not in the range, or is not whole although the range is.
        """
        fits = isinstance(setting, int if self.whole else float) and not isinstance(setting, bool)
        if not fits or not self.low <= setting <= self.high:  # type: ignore[operator]
            raise ValueError
        return as_value(setting)

    @property
    def examples(self) -> tuple[Setting, ...]:
        """Numbers whose recipes must be valid: both ends."""
        return (self.low, self.high) if self.whole else (float(self.low), float(self.high))

    def place(self, example: int) -> tuple[str | int, ...]:
        """Return where in the study file an example stands."""
        return ("search", self.key, ("low", "high")[example])

    def as_data(self) -> Any:
        """Return the value of the key in a study file."""
        step = {} if self.step is None else {"step": self.step}
        return {"low": self.low, "high": self.high, "log": self.log, **step}


Dimension = Choices | Range


def dimension_of(key: str, given: Any) -> Dimension:
    """Return what a search may choose for a key.

    Args:
        key: dotted key of the recipe.
        given: a list of values, or a mapping ``{low: …, high: …, log: …, step: …}``.

    Raises:
        UserError: it is neither, has fewer than two values or an empty range, or a key of it is wrong.
    """
    if isinstance(given, Mapping):
        return _range(key, given)
    if isinstance(given, Sequence) and not isinstance(given, str):
        return _choices(key, given)
    raise UserError(f"takes a list of values, or a range {{low: …, high: …}}. Received: {as_value(given)}")


def _choices(key: str, given: Sequence[Any]) -> Choices:
    values = tuple(as_value(value) for value in given)
    if len(values) < 2:
        raise UserError(f"a search chooses between at least two values. Received: {', '.join(values) or 'none'}")
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise UserError(f"each value once. Received twice: {', '.join(twice)}")
    return Choices(key, values)


def _range(key: str, given: Mapping[str, Any]) -> Range:
    for name in given:
        if name not in KEYS:
            raise UserError(f"a range has no key {name!r}.{did_you_mean(name, KEYS)}")
    numbers = {name: given.get(name) for name in ("low", "high", "step") if name in given or name != "step"}
    for name, number in numbers.items():
        if number is None and name != "step":
            raise UserError(f"a range needs {name}")
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 1e300:
            raise UserError(f"{name} must be a finite number. Received: {as_value(number)}")
    low, high, step, log = given["low"], given["high"], given.get("step"), given.get("log", False)
    if not isinstance(log, bool):
        raise UserError(f"log must be true or false. Received: {as_value(log)}")
    if not low < high:
        raise UserError(f"low must be less than high. Received: {as_value(low)} and {as_value(high)}")
    if log and low <= 0:
        raise UserError(f"with log: true, low must be more than 0. Received: {as_value(low)}")
    if step is not None:
        if log:
            raise UserError("takes log: true or step, not both")
        whole = isinstance(low, int) and isinstance(high, int)
        if step <= 0 or step > high - low or (whole and not isinstance(step, int)):
            kind = "a whole number" if whole else "a number"
            raise UserError(f"step must be {kind} above 0 and at most high - low. Received: {as_value(step)}")
    return Range(key, low, high, log, step)
