"""Resolve a slot of a recipe: find the component that it names, with all options, or report problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcgan_kit.components.component import Component
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.components.registry import AmbiguousComponent, UnknownComponent, UnofferedComponent
from dcgan_kit.errors import Problem, did_you_mean
from dcgan_kit.recipes.nodes import Node, described, dotted
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.recipes.validation import Path, problems_of, validated

MAX_NESTED_SLOTS = 5
MAX_BROKEN_LISTED = 2
"""Most broken plugins that the message about an unknown name lists."""


class SlotResolution:
    """Resolves slots one after the other.

    Args:
        plugins: the loaded plugins, whose components a slot may name.
        problems: list to which problems are added.

    Attributes:
        unknown_names: whether a slot named a component that no loaded plugin offers.
    """

    def __init__(self, plugins: LoadedPlugins, problems: list[Problem]) -> None:
        self.plugins = plugins
        self.problems = problems
        self.unknown_names = False

    def choice(self, kind: str, node: Node, path: Path, report: bool = True, depth: int = 0) -> Choice | None:
        """Return the component that a slot names, or None if there are problems.

        Args:
            kind: kind of the component.
            node: the name of a component, or a mapping with ``use``.
            path: path of the slot in the recipe.
            report: whether to add problems to the list. False for a default, whose problems are reported elsewhere.
            depth: number of components in whose options this slot is nested.
        """
        before = len(self.problems)
        choice = self._choice(kind, node, path, depth)
        if not report:
            del self.problems[before:]
        return choice

    def _choice(self, kind: str, node: Node, path: Path, depth: int) -> Choice | None:
        if isinstance(node.value, str):
            reference, options = node, {}
        elif isinstance(node.value, dict):
            named = node.value.get("use")
            if named is None or not isinstance(named.value, str):
                if named is None:
                    message = f"no component is chosen: add 'use' with the name of one of kind {kind}"
                    self.problems.append(Problem(node.place, dotted(path), message))
                else:
                    message = f"must be the name of a component of kind {kind} (given: {described(named)})"
                    self.problems.append(Problem(named.mark, dotted((*path, "use")), message))
                return None
            reference = named
            options = {name: value for name, value in node.value.items() if name != "use"}
        else:
            if depth or kind not in ("data", "latent"):
                # Validation of the recipe reports this for its own keys; only this class knows the options.
                message = f"must be a component: its name, or a mapping with 'use' (given: {described(node)})"
                self._problem_once(path, message, node)
            return None
        component = self._component(kind, str(reference.value), reference, path)
        if component is None:
            return None
        return self._with_options(component, Node(options, node.mark, node.key_mark), path, depth)

    def _problem_once(self, path: Path, message: str, node: Node) -> None:
        if not any(problem.key == dotted(path) for problem in self.problems):
            self.problems.append(Problem(node.mark, dotted(path), message))

    def _component(self, kind: str, name: str, reference: Node, path: Path) -> Component | None:
        try:
            return self.plugins.registry.find(kind, name)
        except UnknownComponent as error:
            self.unknown_names = True
            why = "." if isinstance(error, UnofferedComponent) else self._unusable(name)
            self._report_once(Problem(reference.mark, dotted(path), f"{error}{why}"))
        except AmbiguousComponent as error:
            self._report_once(Problem(reference.mark, dotted(path), str(error)))
        return None

    def _report_once(self, problem: Problem) -> None:
        # A default of the network is resolved again in each block that adds an option to it.
        if not any((p.mark, p.message) == (problem.mark, problem.message) for p in self.problems):
            self.problems.append(problem)

    def _unusable(self, name: str) -> str:
        """Return possible reasons why a name is unknown: a plugin is missing, broken or blocked."""
        owner = name.rpartition("/")[0]
        plugins = [plugin for plugin in self.plugins.plugins if owner in ("", plugin.name)]
        if not plugins:
            return f" No plugin {owner!r} is installed, nor in a plugins folder."
        broken = [plugin for plugin in plugins if plugin.status == "broken"]
        notes = [f" Plugin {plugin} is broken: {plugin.error}." for plugin in broken[:MAX_BROKEN_LISTED]]
        if len(broken) > MAX_BROKEN_LISTED:
            notes.append(f" {len(broken) - MAX_BROKEN_LISTED} more plugins are broken: see `dcgan-kit plugins list`.")
        blocked = sorted({plugin.name for plugin in plugins if plugin.status == "blocked"})
        if blocked:
            notes.append(f" Blocked: {', '.join(blocked)}.")
        return "".join(notes)

    def _with_options(self, component: Component, node: Node, path: Path, depth: int) -> Choice | None:
        before = len(self.problems)
        nested = {}
        for name, kind in component.nested.items():
            value = node.child(name)
            if value is not None and value.value is not None and depth < MAX_NESTED_SLOTS:
                nested[name] = self.choice(kind, value, (*path, name), depth=depth + 1)
        plain = {
            name: replace(value, value=None) if name in nested else value for name, value in dict(node.items()).items()
        }

        def unknown(where: Path) -> str:
            option = str(where[-1])
            others = [other for other in self.plugins.registry.kinds_with_option(component.kind, option)]
            known = list(component.options.model_fields)
            if others and not did_you_mean(option, known).startswith(" Did"):
                return f"{component.name} has no such option; it belongs to {', '.join(others)}"
            hint = did_you_mean(option, known) if known else " It has none."
            return f"{component.name} has no such option.{hint}"

        problems = problems_of(component.options, replace(node, value=plain), path, unknown)
        for problem in problems:
            self._report_once(problem)
        if problems or len(self.problems) > before:
            return None
        values = validated(component.options, replace(node, value=plain))
        options: Mapping[str, Any] = {
            name: nested.get(name, getattr(values, name)) for name in component.options.model_fields
        }
        return Choice(component, options, path)
