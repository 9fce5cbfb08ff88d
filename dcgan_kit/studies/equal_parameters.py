"""Widths with which a network has as many trainable parameters as another one."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import product
from typing import Any

from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.recipes.block_order import WITH_FILTERS
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Block, BlockItem, NetworkPlan, ResolvedRecipe, Role

TOLERANCE = 0.02
"""Largest difference between the numbers of parameters, as a share of the reference's."""
MOST_UNEVEN = 1.5
"""Widths that share no factor may differ in theirs by this ratio, where rounding to whole channels asks for it."""
LARGEST_FACTOR = 64.0
MOST_FILTERS = 16_384
"""The most that ``filters`` may be in a recipe."""
WITHIN_REACH = 0.5
"""Largest difference, as a share of the parameters, that moving single widths is tried for."""
MOST_TRIED = 150
"""Choices of widths to build."""
DISTANCE_WEIGHT = 4.0
"""How much more a share of the parameters counts than a share of a factor, in the choice of what to try next."""

Widths = tuple[int, ...]


def trainable_parameters(recipe: ResolvedRecipe, role: Role) -> int:
    """Return the number of trainable parameters of a network, without creating any.

    Args:
        recipe: the recipe; its number of classes is not ``auto``.
        role: the network.

    Raises:
        RecipeError: the networks cannot be built.
    """
    return _built(recipe, role).parameters


def matched(recipe: ResolvedRecipe, role: Role, parameters: int) -> tuple[str, ...]:
    """Return overrides with which a network has a number of trainable parameters, within 2 %.

    Every ``filters`` of the network is multiplied by one factor, which bisection finds, and rounded to whole channels.
    Where a component refuses the rounded widths, because they have to be divisible, they are rounded to multiples of
    larger divisors of the recipe's widths. Where rounding does not allow 2 %, single widths, or all that are equal in
    the recipe, move further: then their factors differ by 1.5 at most. No layer is added or lost.

    Args:
        recipe: the recipe; its number of classes is not ``auto``.
        role: the network to adapt.
        parameters: the number of trainable parameters, such as that of the reference's network.

    Returns:
        Texts ``dotted.key=VALUE``, one for each width that changes. They apply after those of the recipe. Empty if the
        network has the number already.

    Raises:
        RecipeError: the networks cannot be built as they are.
        UserError: 2 % cannot be reached, or the network has no widths.
    """
    usual = trainable_parameters(recipe, role)
    if abs(usual - parameters) <= TOLERANCE * parameters:
        return ()
    keys = _widths(getattr(recipe, role))
    if not keys:
        raise UserError(f"match: the {role} of {recipe.name} has no filters, so its parameters cannot be adapted")
    search = _Search(recipe, role, keys, parameters)
    for multiple in _multiples(keys.values()):
        search.refused = False
        found = search.with_multiples_of(multiple)
        if found is not None:
            return tuple(f"{key}={new}" for (key, old), new in zip(keys.items(), found, strict=True) if new != old)
        if not search.refused:
            break
    raise UserError(search.failure())


@dataclass(frozen=True)
class _Built:
    parameters: int
    layers: tuple[tuple[str, str], ...]


def _built(recipe: ResolvedRecipe, role: Role) -> _Built:
    from dcgan_kit.networks.builder import build_networks

    network = getattr(build_networks(recipe, symbolic=True), role)
    weights = {id(v): v for part in network.parts for layer in part.layers for v in layer.trainable_weights}
    layers = tuple((part.name, part.component) for part in network.parts)
    return _Built(sum(math.prod(v.shape) for v in weights.values()), layers)


class _Search:
    """Tries widths of one network.

    Attributes:
        refused: whether a component has refused widths.
    """

    def __init__(self, recipe: ResolvedRecipe, role: Role, keys: Mapping[str, int], parameters: int) -> None:
        self.recipe, self.role, self.keys, self.wanted = recipe, role, tuple(keys), parameters
        self.usual = tuple(keys.values())
        self.refused = False
        self.tried: dict[Widths, _Built] = {}
        self.layers = self.at(self.usual).layers

    def at(self, widths: Widths) -> _Built:
        """Build the network with other widths.

        Raises:
            RecipeError: a component refuses them.
        """
        if widths not in self.tried:
            plan = _with_widths(getattr(self.recipe, self.role), dict(zip(self.keys, widths, strict=True)))
            try:
                self.tried[widths] = _built(self.recipe.model_copy(update={self.role: plan}), self.role)
            except RecipeError:
                self.refused = True
                raise
        return self.tried[widths]

    def with_multiples_of(self, multiple: int) -> Widths | None:
        """Return widths that have the parameters, or None.

        Args:
            multiple: each width is rounded to a multiple of its greatest common divisor with this number.
        """
        self.steps = tuple(math.gcd(width, multiple) for width in self.usual)
        try:
            around = self._around()
        except RecipeError:
            return None
        return self._nearby([widths for widths in around if self._distance(widths) <= WITHIN_REACH])

    def _around(self) -> tuple[Widths, Widths]:
        """Return the widths by a common factor with fewer parameters than wanted, and those with as many or more."""
        low = high = 1.0
        while self._of(low) > self.wanted and low > 1 / LARGEST_FACTOR:
            low /= 2
        largest = min(LARGEST_FACTOR, MOST_FILTERS / max(self.usual))
        while self._of(high) < self.wanted and high < largest:
            high = min(2 * high, largest)
        # Between two factors that differ less, no width of the recipe language changes by more than a channel.
        while high / low > 1 + 1e-5:
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self._of(middle) <= self.wanted else (low, middle)
        return self._rounded(low), self._rounded(high)

    def _of(self, factor: float) -> int:
        return self.at(self._rounded(factor)).parameters

    def _rounded(self, factor: float) -> Widths:
        pairs = zip(self.usual, self.steps, strict=True)
        return tuple(max(1, round(width * factor / step)) * step for width, step in pairs)

    def _nearby(self, starts: Sequence[Widths]) -> Widths | None:
        """Return widths that have the parameters and stay near one factor; or None."""
        queue = sorted((self._priority(widths), widths) for widths in set(starts))
        seen = set(starts)
        while queue and len(self.tried) < MOST_TRIED:
            _, widths = heappop(queue)
            if self._fits(widths):
                return widths
            for new in self._moves(widths):
                if new not in seen and self._allows(new):
                    heappush(queue, (self._priority(new), new))
                seen.add(new)
        return None

    def _moves(self, widths: Widths) -> Iterator[Widths]:
        """Yield widths of which one, or all that are equal in the recipe, are one step larger or smaller."""
        groups = [{index} for index in range(len(widths))]
        groups += [{index for index, own in enumerate(self.usual) if own == width} for width in set(self.usual)]
        for group, direction in product(groups, (1, -1)):
            places = enumerate(zip(widths, self.steps, strict=True))
            new = tuple(width + direction * step * (index in group) for index, (width, step) in places)
            if min(new) > 0 and max(new) <= MOST_FILTERS and self._unevenness(new) <= MOST_UNEVEN:
                yield new

    def _allows(self, widths: Widths) -> bool:
        try:
            return self.at(widths).layers == self.layers
        except RecipeError:
            return False

    def _priority(self, widths: Widths) -> float:
        return self._unevenness(widths) + DISTANCE_WEIGHT * self._distance(widths)

    def _fits(self, widths: Widths) -> bool:
        return self._distance(widths) <= TOLERANCE and self.at(widths).layers == self.layers

    def _distance(self, widths: Widths) -> float:
        return abs(self.at(widths).parameters - self.wanted) / self.wanted

    def _unevenness(self, widths: Widths) -> float:
        factors = [new / old for new, old in zip(widths, self.usual, strict=True)]
        return max(factors) / min(factors)

    def failure(self) -> str:
        """Return why no widths fit: what was tried, and what came nearest."""
        alike = [widths for widths, built in self.tried.items() if built.layers == self.layers]
        nearest = min(alike, key=self._distance)
        found = self.at(nearest).parameters
        shown = ", ".join(f"{key}={width}" for key, width in zip(self.keys, nearest, strict=True))
        return (
            f"match: the {self.role} of {self.recipe.name} cannot have {self.wanted:,} trainable parameters within "
            f"{TOLERANCE:.0%}. Of {len(self.tried)} choices of widths, {shown} comes nearest, with {found:,} "
            f"({found / self.wanted - 1:+.1%}). Wider networks have finer steps; or leave match out"
        )


def _multiples(widths: Collection[int]) -> list[int]:
    """Return what widths may have to be divisible by, from 1 up: what divides their least common multiple."""
    common = math.lcm(*widths)
    return [number for number in range(1, max(widths) + 1) if common % number == 0]


def _widths(plan: NetworkPlan) -> dict[str, int]:
    """Return every ``filters`` of a network by its dotted key."""
    found: dict[str, int] = {}
    for block in plan.blocks:
        if block.filters is not None:
            found[dotted((*block.path, "filters"))] = block.filters
        items = (*block.order, *(block.shortcut.order or () if block.shortcut else ()))
        if plan.role == "generator" and block is plan.blocks[-1]:
            # The last convolution returns the image.
            last = [item for item in block.order if item.slot in WITH_FILTERS][-1:]
            items = tuple(item for item in items if item not in last)
        found.update({_key(item): item.filters for item in items if item.filters is not None})
    return found


def _key(item: BlockItem) -> str:
    return dotted((*item.path, "filters"))


def _with_widths(plan: NetworkPlan, widths: Mapping[str, int]) -> NetworkPlan:
    """Return a network with other widths, by their dotted keys."""

    def item(old: BlockItem) -> BlockItem:
        return old if old.filters is None else replace(old, filters=widths.get(_key(old), old.filters))

    def block(old: Block) -> Block:
        new: dict[str, Any] = {"order": tuple(map(item, old.order))}
        if old.filters is not None:
            new["filters"] = widths[dotted((*old.path, "filters"))]
        if old.shortcut is not None and old.shortcut.order is not None:
            new["shortcut"] = replace(old.shortcut, order=tuple(map(item, old.shortcut.order)))
        return replace(old, **new)

    return replace(plan, blocks=tuple(map(block, plan.blocks)))
