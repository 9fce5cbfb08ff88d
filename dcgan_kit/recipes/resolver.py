"""Resolve a recipe: nodes → ``ResolvedRecipe``. It checks everything and then reports all problems together."""

from __future__ import annotations

from itertools import takewhile

from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.errors import Problem, RecipeError, did_you_mean
from dcgan_kit.recipes import key_declarations
from dcgan_kit.recipes.key_conflicts import conflicts
from dcgan_kit.recipes.network_resolver import NetworkResolution
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.section_resolver import SectionResolution, inherited_values, resolved_section
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.validation import Path, known_keys, paths_to, problems_of, validated


class UnknownNames(RecipeError):
    """A recipe has a name that no loaded plugin offers. It can only work with another plugin."""


def resolve(node: Node, plugins: LoadedPlugins, name: str) -> ResolvedRecipe:
    """Return the recipe with every component chosen and every default filled in.

    Args:
        node: a recipe after ``extends`` and overrides.
        plugins: the loaded plugins, whose components it may name.
        name: name of the recipe.

    Raises:
        UnknownNames: at least one problem is a name that no loaded plugin offers.
        RecipeError: there are only other problems.
    """
    return _Resolution(node, plugins).recipe(name)


class _Resolution:
    def __init__(self, node: Node, plugins: LoadedPlugins) -> None:
        self.node = node
        self.plugins = plugins
        self.problems: list[Problem] = []
        self.slots = SlotResolution(plugins, self.problems)
        self.unknown_plugins = False

    def recipe(self, name: str) -> ResolvedRecipe:
        self.problems.extend(problems_of(key_declarations.Recipe, self.node, (), self._unknown_key))
        self.problems.extend(conflicts(self.node))
        self._check_plugins()
        chosen = SectionResolution(self.node, self.slots, self.problems).chosen(ResolvedRecipe)
        networks = NetworkResolution(self.node, self.slots, self.problems)
        generator, discriminator = networks.plan("generator"), networks.plan("discriminator")
        if self.problems:
            unknown = self.unknown_plugins or self.slots.unknown_names
            raise (UnknownNames if unknown else RecipeError)(self.problems)
        section = validated(key_declarations.Recipe, self.node)
        for role, values in inherited_values(section.training).items():
            chosen["training"][role].update(values)
        chosen.update(name=name, origin=self.node, generator=generator, discriminator=discriminator)
        return resolved_section(ResolvedRecipe, section, chosen)

    def _unknown_key(self, path: Path) -> str:
        key = str(path[-1])
        # It may be the right key in the wrong place: a key of a section, or an option of a component. Top-level keys
        # are not suggested, because users know them.
        places = [*paths_to(key_declarations.Recipe, key), *self.node.options_named(key)]
        known = known_keys(key_declarations.Recipe, path[:-1])
        right = [place for place in places if place != path and len(place) > 1]
        # A key for both networks may also exist for one network.
        right += [(*path[:-1], *place[1:]) for place in right if place[:1] == path[:1] and place[1] in known]
        # The nearest path shares the most leading parts; among equals, the shortest one.
        nearest = min(right, key=lambda place: (-_shared(place, path), len(place)), default=())
        return f"unknown key.{did_you_mean(key, known, dotted(nearest))}"

    def _check_plugins(self) -> None:
        names = self.node.find(("plugins",))
        for index, item in enumerate(names.value if names and isinstance(names.value, list) else []):
            if not isinstance(item.value, str):
                continue
            status = next((p for p in self.plugins.plugins if p.name == item.value), None)
            if status is None:
                self.unknown_plugins = True
                self._problem(("plugins", index), f"no plugin called {item.value!r} was found", item)
            elif status.status != "loaded":
                self._problem(("plugins", index), f"plugin {status} is {status.status}. {status.error}".strip(), item)

    def _problem(self, path: Path, message: str, node: Node) -> None:
        self.problems.append(Problem(node.place, dotted(path), message))


def _shared(one: Path, other: Path) -> int:
    """Return the number of equal leading parts of two paths."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))
