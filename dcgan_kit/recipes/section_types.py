"""What the declarations of a recipe's keys are made of: sections, and keys whose values are components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _slot_mapping(value: Any) -> Any:
    if isinstance(value, str):
        return {"use": value}
    if value is None or isinstance(value, dict):
        return value
    raise ValueError("must be a component: its name, or a mapping with 'use'")


def _present_slot_mapping(value: Any) -> Any:
    if value is None:
        raise ValueError("must be a component: its name, or a mapping with 'use'")
    return _slot_mapping(value)


@dataclass(frozen=True)
class ComponentsOf:
    """Marks a key whose value is a list of components.

    Attributes:
        kind: kind of every component in the list.
    """

    kind: str


@dataclass(frozen=True)
class WrittenIfSet:
    """Marks a key that a resolved recipe leaves out if its value is None.

    The text of a recipe without the key then stays as it was before the key existed. Identities of studies' runs and
    plans of claims depend on that text.
    """


SLOT = BeforeValidator(_slot_mapping)
"""Marks a key whose value is a component. The key has the name of the component's kind."""
SlotValue = Annotated[object, SLOT]
"""A component as a recipe writes it: its name, or a mapping with ``use``."""
Several = Annotated[tuple[Annotated[object, BeforeValidator(_present_slot_mapping)], ...], Field(max_length=100)]
"""A list of components as a recipe writes it."""


class Strict(BaseModel):
    """A section of a recipe, with strict types and no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def section_in(annotation: Any) -> type[Strict] | None:
    """Return the section class in a key's type, or in the type of a list's items; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next((found for found in map(section_in, get_args(annotation)) if found), None)
