"""Worked examples of components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import components_named, everything
from dcgan_kit.errors import Mark, Problem, RecipeError, UserError
from dcgan_kit.recipes.nodes import OVERRIDE, Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.slot_resolver import SlotResolution
from dcgan_kit.recipes.yaml_reader import read_argument

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
    from dcgan_kit.explanations.explanation import Explanation
    from dcgan_kit.recipes.resolved import Choice

_HERE = Mark(OVERRIDE, 1, 1)


def explain(
    component: str,
    *options: str,
    input: Any = None,
    kernel: Any = None,
    settings: PluginSettings | None = None,
) -> Explanation:
    """Work an example through a component, with the layers that a recipe would use.

    Args:
        component: ``NAME``, ``KIND/NAME`` or ``PLUGIN/NAME``. If several kinds have the name, one is taken, and a
            sentence names the others.
        options: texts ``KEY=VALUE`` for options of the component; the others keep their defaults.
        input: the input of the example: rows of numbers for convolution, downsample, upsample and normalization (a row
            an image, a column a channel), numbers for activation; default: one that fits the kind.
        kernel: for convolution, downsample and upsample: the kernel as rows of numbers; default: small whole numbers.
            It also sets the option ``kernel_size``, unless ``options`` does.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The example: its panels and steps as numbers, sentences about them, and ``facts`` with all results.

    Raises:
        UserError: there is no such component or option, several components have the name, the kind has no example, or
            the component does not take the numbers.
    """
    return explain_beside(component, options, (), input=input, kernel=kernel, settings=settings)[0]


def explain_beside(
    component: str,
    options: Sequence[str],
    beside: Sequence[str],
    *,
    input: Any = None,
    kernel: Any = None,
    settings: PluginSettings | None = None,
) -> list[Explanation]:
    """Work one example through a component, and through others of its kind.

    Args:
        component: see ``explain``.
        options: see ``explain``.
        beside: the other components as a recipe writes them: a name, or ``{use: NAME, KEY: VALUE}``.
        input: see ``explain``.
        kernel: see ``explain``; it is left out for another component without the option ``kernel_size``.
        settings: see ``explain``.

    Raises:
        UserError: see ``explain``.
    """
    from dcgan_kit.explanations.examples import explained

    plugins = everything(settings)
    chosen, also = _chosen(component, plugins)
    slot = Node({"use": Node(f"{chosen.owner}/{chosen.name}", _HERE)}, _HERE)
    slot = overridden(slot, options)
    first = explained(_fitting(_resolved(chosen.kind, slot, plugins), slot, kernel), input, kernel)
    found = [replace(first, sentences=(*first.sentences, also)) if also else first]
    for text in beside:
        slot = read_argument(text, "--beside", 1, 1)
        if not isinstance(slot.value, str | dict):
            raise UserError(f"--beside: must be a component: its name, or {{use: NAME, KEY: VALUE}}. Received: {text}")
        choice = _resolved(chosen.kind, slot, plugins)
        taps = kernel if "kernel_size" in choice.options else None
        found.append(explained(_fitting(choice, slot, taps), input, taps))
    return found


def draw_explanation(explanations: Sequence[Explanation], path: str | Path) -> None:
    """Draw worked examples into a file, one below the other.

    Args:
        explanations: what ``explain`` returned for one component, or for several.
        path: the file; its ending says what it is: ``.png`` or ``.svg`` for a picture, ``.gif`` for the steps one after
            the other, ``.html`` for a page that shows them one by one.

    Raises:
        UserError: the ending is none of these, the example has no steps for a GIF, or the file cannot be written.
    """
    from dcgan_kit.reports.explanation_picture import FORMATS, explanation_picture
    from dcgan_kit.runs.write_errors import write_requested_file

    if not explanations:
        raise UserError("explanations: must be at least one; there is nothing to draw")
    path = Path(path)
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        endings = ", ".join(f".{one}" for one in FORMATS)
        raise UserError(f"{path}: a picture of an example ends in one of {endings}")
    write_requested_file(path, explanation_picture([*explanations], form))


def numbers_from(name: str, text: str) -> Any:
    """Return the numbers of an option's text, such as ``[[1, 4], [0, 2]]``.

    Raises:
        RecipeError: it is no YAML or JSON.
    """
    return read_argument(text, name, 1, 1).data()


def _chosen(name: str, plugins: LoadedPlugins) -> tuple[Component, str]:
    """Return the component of a name, and a sentence about others of this name in other kinds."""
    from dcgan_kit.explanations.examples import EXPLAINED

    found = sorted(components_named(name, plugins), key=lambda one: _rank(one.kind, EXPLAINED))
    component, *others = found
    if any(other.kind == component.kind for other in others):
        choices = " or ".join(f"{one.owner}/{one.name}" for one in found if one.kind == component.kind)
        raise UserError(f"{name!r} is the name of several components of kind {component.kind}: write {choices}")
    also = " and ".join(f"{other.kind}/{other.name}" for other in others)
    return component, f"Other components have this name too: {also}." if also else ""


def _rank(kind: str, explained: Sequence[str]) -> int:
    return explained.index(kind) if kind in explained else len(explained)


def _resolved(kind: str, slot: Node, plugins: LoadedPlugins) -> Choice:
    problems: list[Problem] = []
    choice = SlotResolution(plugins, problems).choice(kind, slot, ())
    if choice is None or problems:
        raise RecipeError(problems)
    return choice


def _fitting(choice: Choice, slot: Node, kernel: Any) -> Choice:
    """Return the component with the size of the kernel that the user gives, unless its slot says it."""
    if kernel is None or slot.child("kernel_size") is not None:
        return choice
    from dcgan_kit.explanations.examples import WINDOWS
    from dcgan_kit.explanations.windows import with_kernel_size

    return with_kernel_size(choice, kernel) if choice.component.kind in WINDOWS else choice
