"""Values of a YAML text with their places in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dcgan_kit.components.option_types import number_text
from dcgan_kit.errors import Mark, counted

Scalar = str | int | float | bool | None
OVERRIDE = "override"
"""Source of places in overrides: the line is the number of the override, the column its character."""


@dataclass(frozen=True)
class Node:
    """A value with its place; mappings and lists contain nodes.

    Attributes:
        value: a scalar, a list of nodes, or a mapping from key to node.
        mark: place of the value.
        key_mark: place of its key, or None.
    """

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    key_mark: Mark | None = None

    @property
    def place(self) -> Mark:
        """The place to report: that of the key if there is one, else that of the value."""
        return self.key_mark or self.mark

    def data(self) -> Any:
        """Return the plain value without places; lists become tuples."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return tuple(node.data() for node in self.value)
        return self.value

    def child(self, part: str | int) -> Node | None:
        """Return the node at a key or an index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def locate(self, path: tuple[str | int, ...]) -> Node:
        """Return the deepest node that exists on a path."""
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node

    def own(self, path: tuple[str | int, ...]) -> Node:
        """Return the deepest node on a path that comes from the recipe's own text or an override, not from a parent."""
        node = found = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
            if node.place.source in (self.mark.source, OVERRIDE):
                found = node
        return found

    def find(self, path: tuple[str | int, ...]) -> Node | None:
        """Return the node at a path, or None."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def first_from(self, source: str) -> Node | None:
        """Return the first scalar, list or empty mapping in this node that comes from a source, or None.

        A mapping that an override sets as a whole is returned itself.
        """
        whole = source == OVERRIDE and self.place.source == source
        if whole or not isinstance(self.value, dict) or not self.value:
            return self if self.place.source == source else None
        return next((found for child in self.value.values() if (found := child.first_from(source))), None)

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield the keys and nodes of a mapping; nothing for any other value."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def options_named(self, key: str, base: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        """Yield the paths below this node, outside of lists, of a component's option with that name."""
        for name, node in self.items():
            if name == key and self.child("use"):
                yield (*base, name)
            yield from node.options_named(key, (*base, name))


def described(node: Node) -> str:
    """Return a value as text for messages: ``12 (a whole number)``."""
    value = node.value
    if value is None:
        return "null (nothing)"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "an empty list" if not value else f"a list of {counted(len(value), 'item')}"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    if isinstance(value, int):
        return f"{_short(str(value))} (a whole number)"
    if isinstance(value, float):
        return f"{number_text(value)} (a number)"
    return f"{_short(value)!r} (text)"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a path as a dotted key: ``generator.stages.0.filters``."""
    return ".".join(map(str, path))
