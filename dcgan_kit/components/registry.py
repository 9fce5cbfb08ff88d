"""Components by kind and name, and what is wrong when a name finds none or two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcgan_kit.components.component import Component
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.errors import UserError, did_you_mean


class UnknownComponent(UserError):
    """No component of that kind has that name."""


class UnofferedComponent(UnknownComponent):
    """A plugin declares that component, and does not offer it."""


class AmbiguousComponent(UserError):
    """Several plugins offer that name; ``owner/name`` says which."""


class Registry:
    """All components of the plugins that were loaded.

    Args:
        components: what the plugins offer.
        unoffered: what a plugin declares and does not offer, each with the reason, which begins with who.
    """

    def __init__(self, components: Iterable[Component], unoffered: Iterable[tuple[Component, str]] = ()) -> None:
        self._components = tuple(sorted(components, key=lambda c: (c.kind, c.name, c.owner)))
        self._unoffered = tuple(unoffered)

    def __iter__(self) -> Iterator[Component]:
        return iter(self._components)

    def of_kind(self, kind: str) -> tuple[Component, ...]:
        """Every component of a kind, by name."""
        return tuple(c for c in self._components if c.kind == kind)

    def names(self, kind: str) -> tuple[str, ...]:
        """What a recipe may write for a kind: bare names where they are clear, ``owner/name`` where not."""
        components = self.of_kind(kind)
        bare = [c.name for c in components]
        return tuple(c.name if bare.count(c.name) == 1 else f"{c.owner}/{c.name}" for c in components)

    def find(self, kind: str, reference: str) -> Component:
        """Return the component that ``name`` or ``owner/name`` means.

        Raises:
            UnknownComponent: there is none; the message suggests the nearest.
            UnofferedComponent: a plugin declares it, and its hook does not return it; the message says which.
            AmbiguousComponent: a bare name that several plugins offer; the message names them.
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
        """Names of the components of a kind that have an option of that name."""
        return tuple(c.name for c in self.of_kind(kind) if option in c.options.model_fields)
