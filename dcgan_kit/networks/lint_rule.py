"""What a lint is, and what it examines: the recipe and its symbolic networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan_kit.networks.network import Network, Networks, Part
from dcgan_kit.networks.summary import Summary
from dcgan_kit.recipes.resolved import ResolvedRecipe

Path = tuple[str | int, ...]
Results = Iterator[tuple[Path, str]]
"""Each result of a lint: (path in the recipe, message)."""


@dataclass(frozen=True)
class Lint:
    """One rule.

    Attributes:
        name: its name, by which a recipe silences it.
        why: the reason in one sentence, with its source.
        find: yields (path in the recipe, message) for each result.
        related: path of a result → paths of other keys that affect it. If an override set one of them, the result is
            reported there.
    """

    name: str
    why: str
    find: Callable[[LintContext], Results]
    related: Callable[[Path], Sequence[Path]]


@dataclass(frozen=True)
class LintContext:
    """The input of lints: the recipe, its symbolic networks and their summaries."""

    recipe: ResolvedRecipe
    networks: Networks
    generator: Summary
    discriminator: Summary

    def parts(self) -> Iterator[tuple[Network, Part, Any]]:
        """Yield every part with its network and its trace."""
        for network, summary in (
            (self.networks.generator, self.generator),
            (self.networks.discriminator, self.discriminator),
        ):
            for part, row in zip(network.parts, summary.rows, strict=True):
                yield network, part, row.trace


def lint_rule(
    why: str, related: Callable[[Path], Sequence[Path]] = lambda _: ()
) -> Callable[[Callable[[LintContext], Results]], Lint]:
    """Make a lint of a function, under its name. See ``Lint`` for the arguments."""
    return lambda find: Lint(find.__name__, why, find, related)
