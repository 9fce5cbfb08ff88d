"""Resolve the sections of a recipe.

The types in ``resolved.py`` say which keys have components as values, and whether a component is required. Every other
key keeps its value from the text, or its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from dcgan_kit.errors import Problem
from dcgan_kit.recipes.extends import merged_slot
from dcgan_kit.recipes.key_declarations import BothNetworks, Training
from dcgan_kit.recipes.keys import LIST_KEYS, SLOT_KEYS
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.resolved import Choice, NetworkTraining
from dcgan_kit.recipes.section_types import Strict, section_in
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.validation import Path

Section = TypeVar("Section", bound=Strict)
ROLES = ("generator", "discriminator")


class SectionResolution:
    """Chooses the components for the slots of sections.

    Args:
        recipe: the whole recipe.
        slots: resolves a single slot.
        problems: list to which problems are added.
    """

    def __init__(self, recipe: Node, slots: SlotResolution, problems: list[Problem]) -> None:
        self.recipe = recipe
        self.slots = slots
        self.problems = problems

    def chosen(self, section: type[Strict], path: Path = ()) -> dict[str, Any]:
        """Return the component in each slot of a resolved section, by key; inner sections are nested mappings."""
        found: dict[str, Any] = {}
        for key, field in section.model_fields.items():
            inner_path, inner = (*path, key), section_in(field.annotation)
            if key in SLOT_KEYS:
                of_network = section is NetworkTraining
                needed = type(None) not in get_args(field.annotation)
                found[key] = self._of_network(inner_path, needed) if of_network else self._one(inner_path, needed)
            elif key in LIST_KEYS:
                found[key] = self._several(LIST_KEYS[key], inner_path)
            elif inner is not None:
                found[key] = self.chosen(inner, inner_path)
        return found

    def _one(self, path: Path, needed: bool) -> Choice | None:
        kind, node = str(path[-1]), self.recipe.find(path)
        if node is not None and node.value is not None:
            return self.slots.choice(kind, node, path)
        above = self.recipe.find(path[:-1])
        if needed and above is not None and isinstance(above.value, dict):
            place = self.recipe.own(path).place
            self.problems.append(Problem(place, dotted(path), f"is missing: name a component of kind {kind}"))
        return None

    def _several(self, kind: str, path: Path) -> tuple[Choice, ...]:
        """Return a list of components of one kind, and report components that it names twice."""
        node = self.recipe.find(path)
        items = node.value if node is not None and isinstance(node.value, list) else []
        chosen: list[Choice] = []
        for index, item in enumerate(items):
            choice = self.slots.choice(kind, item, (*path, index)) if isinstance(item.value, str | dict) else None
            if choice is not None and any(choice.component == other.component for other in chosen):
                message = f"names {kind} {choice.component.name!r} a second time"
                self.problems.append(Problem(item.place, dotted((*path, index)), message))
            elif choice is not None:
                chosen.append(choice)
        return tuple(chosen)

    def _of_network(self, path: Path, needed: bool) -> Choice | None:
        """Return the component that training names for one network, merged into the one for both networks."""
        kind, for_both = str(path[-1]), (*path[:-2], path[-1])
        common, own = self.recipe.find(for_both), self.recipe.find(path)
        if own is None or own.value is None:
            return self._one(for_both, needed)
        if common is not None and common.value is not None:
            self.slots.choice(kind, common, for_both)
        node = merged_slot(common, own) if common is not None else own
        return self.slots.choice(kind, node, path)


def resolved_section(section: type[Section], values: BaseModel, chosen: Mapping[str, Any]) -> Section:
    """Return a section with its components.

    Args:
        section: the class of the resolved section.
        values: the section of the text, with defaults.
        chosen: values that replace those of the text, by key: components, and mappings for inner sections.
    """

    def value(key: str, annotation: Any) -> Any:
        inner = section_in(annotation)
        if inner is not None and getattr(values, key) is None:
            return None
        if inner is None:
            return chosen[key] if key in chosen else getattr(values, key)
        return resolved_section(inner, getattr(values, key), chosen.get(key, {}))

    return section(**{key: value(key, field.annotation) for key, field in section.model_fields.items()})


def inherited_values(training: Training) -> dict[str, dict[str, Any]]:
    """Return, for each network, the plain values for both networks that it does not set itself."""
    plain = [key for key in BothNetworks.model_fields if key not in SLOT_KEYS]
    return {
        role: {key: getattr(training, key) for key in plain if getattr(getattr(training, role), key) is None}
        for role in ROLES
    }
