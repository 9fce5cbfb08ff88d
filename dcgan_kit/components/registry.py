"""The registry finds components by kind and name, and explains why a name finds none or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcgan_kit.components.component import Component
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.errors import UserError, did_you_mean


class UnknownComponent(UserError):
    """No component of that kind has that name."""


class UnofferedComponent(UnknownComponent):
    """A plugin declares that component, but does not offer it."""


class AmbiguousComponent(UserError):
    """Several plugins offer a component of that name; write ``owner/name`` to choose one."""


class Registry:
    """All components of the plugins that were loaded.

    Args:
        components: the components that the plugins offer.
        unoffered: components that a plugin declares but does not offer, each with the reason.
    """

    def __init__(self, components: Iterable[Component], unoffered: Iterable[tuple[Component, str]] = ()) -> None:
        self._components = tuple(sorted(components, key=lambda c: (c.kind, c.name, c.owner)))
        self._unoffered = tuple(unoffered)

    def __iter__(self) -> Iterator[Component]:
        return iter(self._components)

    def of_kind(self, kind: str) -> tuple[Component, ...]:
        """Return every component of a kind, sorted by name."""
        return tuple(c for c in self._components if c.kind == kind)

    def names(self, kind: str) -> tuple[str, ...]:
        """Return what a recipe may write for a kind: the name, or ``owner/name`` if several plugins use the name."""
        return tuple(self.reference(c) for c in self.of_kind(kind))

    def reference(self, component: Component) -> str:
        """Return what a recipe may write for a component; see ``names``."""
        count = sum(c.name == component.name for c in self.of_kind(component.kind))
        return component.name if count == 1 else f"{component.owner}/{component.name}"

    def find(self, kind: str, reference: str) -> Component:
        """Return the component for a reference ``name`` or ``owner/name``.

        Raises:
            UnknownComponent: there is none; the message suggests a similar name.
            UnofferedComponent: a plugin declares it, but its hook does not return it; the message names the plugin.
            AmbiguousComponent: several plugins offer that name; the message lists them.
        """
        owner, slash, name = reference.rpartition("/")
        found = [c for c in self.of_kind(kind) if c.name == name and (not slash or c.owner == owner)]
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"{c.owner}/{c.name}" for c in found)
            raise AmbiguousComponent(f"{kind} {name!r} is offered by {len(found)} plugins; write {choices}")
        namesakes = [f"{c.owner}/{c.name}" for c in self.of_kind(kind) if c.name == name]
        if namesakes:
            raise UnknownComponent(f"unknown {kind} {reference!r}. Did you mean {' or '.join(map(repr, namesakes))}?")
        for declared, reason in self._unoffered:
            if (declared.kind, declared.name) == (kind, name) and owner in ("", declared.owner):
                raise UnofferedComponent(f"unknown {kind} {reference!r}: {reason}")
        elsewhere = [k for k in KINDS if any(c.name == name for c in self.of_kind(k))]
        hint = did_you_mean(reference, self.names(kind))
        if elsewhere and "Did you mean" not in hint:
            hint = f" There is a component of that name of kind {elsewhere[0]}.{hint}"
        raise UnknownComponent(f"unknown {kind} {reference!r}.{hint}")

    def kinds_with_option(self, kind: str, option: str) -> tuple[str, ...]:
        """Return the names of the components of a kind that have an option of that name."""
        return tuple(c.name for c in self.of_kind(kind) if option in c.options.model_fields)
