"""Every error that dcgan-kit raises on purpose, and where in a text it was found.

    DcganKitError
    └── UserError            the input is at fault: exit status 2, no traceback
        ├── RecipeError      a recipe, with every problem that was found
        ├── ComponentError   a component broke its contract; names its owner
        ├── PluginError      a plugin that is needed is missing, broken or blocked
        ├── DataError        images that are missing or cannot be read
        └── RunError         a run folder that cannot be used or written

Anything else that escapes is a fault of dcgan-kit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class DcganKitError(Exception):
    """The root of all errors raised on purpose."""


class UserError(DcganKitError):
    """The user's input is wrong; the message says what, where and what to do."""


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a text: ``source:line:column``, lines and columns counted from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a recipe: where, under which dotted key, and what to do."""

    mark: Mark
    key: str
    message: str

    def __str__(self) -> str:
        key = printable(self.key).replace("\n", "\\n")
        return f"{self.mark}: {key}: {self.message}" if key else f"{self.mark}: {self.message}"


class RecipeError(UserError):
    """A recipe with problems, all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def gathered(*steps: Callable[[], Any]) -> list[Any]:
    """Run every step; return what they return.

    Raises:
        RecipeError: the problems of all steps that failed, not only of the first.
    """
    results: list[Any] = []
    problems: list[Problem] = []
    for step in steps:
        try:
            results.append(step())
        except RecipeError as error:
            problems.extend(error.problems)
    if problems:
        raise RecipeError(problems)
    return results


class ComponentError(UserError):
    """A component that raised or broke the contract of its kind.

    Attributes:
        path: where in the recipe it was chosen, where that is known.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class PluginError(UserError):
    """A plugin that was asked for and cannot be used."""


class DataError(UserError):
    """Images that are missing, unreadable or do not fit the recipe."""


class RunError(UserError):
    """A run folder that cannot be created, continued or read."""


def printable(text: str) -> str:
    """Escape what a terminal would obey instead of show; untrusted text may hold it. Line ends stay."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text
    )


def did_you_mean(word: str, known: Iterable[str], elsewhere: str = "") -> str:
    """Return `` Did you mean 'x'?`` for the nearest known word, or else for ``elsewhere``; else the known words."""
    candidates = sorted(known)
    near = get_close_matches(word, candidates, n=1, cutoff=0.6) or get_close_matches(word.lower(), candidates, n=1)
    if near or elsewhere:
        return f" Did you mean {(near or [elsewhere])[0]!r}?"
    return f" Known: {', '.join(candidates)}." if candidates else ""
