"""What study files share, with ``axes`` or with ``search``: budgets, overrides, paths, and the places of mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from dcgan_kit.errors import Problem, RecipeError, UserError
from dcgan_kit.recipes.loading import SUFFIXES
from dcgan_kit.recipes.nodes import OVERRIDE, Node
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.section_types import Strict
from dcgan_kit.recipes.yaml_reader import read_value
from dcgan_kit.recipes.yaml_writer import as_value

KeyPath = tuple[str | int, ...]


class BudgetKeys(Strict):
    """How long each run is trained: one of the keys. With 0 steps, probes read the networks before training."""

    steps: Annotated[int, Field(ge=0, le=10**9)] | None = None
    images: Annotated[int, Field(ge=1, le=10**12)] | None = None
    seconds: Annotated[float, Field(gt=0, le=10**8)] | None = None
    multiply_accumulates: Annotated[float, Field(gt=0, le=10**24)] | None = None


def budget_of(node: Node, keys: BudgetKeys | None) -> tuple[tuple[Any, float] | None, list[Problem]]:
    """Return the kind and the amount of a budget in a study file, if there is one, and its problems."""
    if keys is None:
        return None, []
    given: list[tuple[Any, float]] = list(keys.model_dump(exclude_none=True).items())
    if len(given) == 1:
        return given[0], []
    message = f"takes one of {', '.join(BudgetKeys.model_fields)}. Received: {len(given)} of them"
    return None, [Problem(node.locate(("budget",)).place, "budget", message)]


def override_texts(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the overrides of a study file as ``dotted.key=VALUE`` texts."""
    return tuple(f"{key}={as_value(plain_data(value))}" for key, value in overrides.items())


def override_data(texts: Sequence[str]) -> dict[str, Any]:
    """Return ``dotted.key=VALUE`` texts as the overrides of a study file."""
    return {key: value_of(value) for key, _, value in (text.partition("=") for text in texts)}


def value_of(text: str) -> Any:
    """Return a value as an override writes it as plain data."""
    return plain_data(read_value(text, "study").data())


def beside(reference: str, file: Path) -> str:
    """Return a recipe as a study file names it; a path becomes absolute. ``PLUGIN/NAME`` is no path."""
    path = file.parent / Path(reference).expanduser()
    return str(path.absolute()) if reference.endswith(SUFFIXES) or ("/" in reference and path.exists()) else reference


def at_places(node: Node | None, error: RecipeError, paths: Sequence[KeyPath]) -> list[Problem]:
    """Return the problems of overrides at the places of a study file that they come from.

    Args:
        node: the study file; None if there is none.
        error: the error of a recipe with these overrides.
        paths: for each override, the path of its value in the file.
    """
    found = []
    for problem in error.problems:
        inside = node is not None and problem.mark.source == OVERRIDE and 1 <= problem.mark.line <= len(paths)
        mark = node.locate(paths[problem.mark.line - 1]).mark if inside and node is not None else problem.mark
        found.append(Problem(mark, problem.key, problem.message))
    return found


def at_key(node: Node, error: UserError, sections: Sequence[str]) -> RecipeError:
    """Return an error ``KEY: message`` at the place of its key, in one of some sections or by itself."""
    key, _, message = str(error).partition(": ")
    dotted = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
    paths: list[KeyPath] = [*((section, key) for section in sections), dotted]
    place = next((one for path in paths if (one := node.find(path))), node).place
    return RecipeError([Problem(place, key, message)])
