"""All components that a recipe chooses, in whatever place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import BaseModel

from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe


def choices_of(recipe: ResolvedRecipe) -> Iterator[Choice]:
    """Yield each component that a recipe chooses, with those in its options. What stages inherit appears at each."""
    yield from _within(recipe)


def _within(value: Any) -> Iterator[Choice]:
    if isinstance(value, Node):
        return
    if isinstance(value, Choice):
        yield value
    if isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
        value = vars(value)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _within(inner)
