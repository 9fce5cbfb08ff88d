"""The check of a plugin: it loads, its components keep their contracts, and its recipes and studies are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dcgan_kit.components.component import Component
from dcgan_kit.components.guard import failure
from dcgan_kit.components.plugin import Plugin, PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.studies.definition import read_study
from dcgan_kit.studies.search import is_search, read_search
from dcgan_kit.studies.search_recipes import require_valid_recipes
from dcgan_kit.studies.variants import variants_of
from dcgan_kit.testing.contracts import check_component

Status = Literal["ok", "broken", "unchecked"]


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        subject: what was checked: ``"plugin cats"``, ``"activation cats/snake"``, ``"recipe cats28"``.
        status: ``"ok"``, ``"broken"``, or ``"unchecked"`` if it cannot be checked without options.
        message: what is wrong, where, and what to do; empty if nothing is wrong.
    """

    subject: str
    status: Status = "ok"
    message: str = ""

    def __str__(self) -> str:
        about = self.message if self.message.startswith(self.subject) else f"{self.subject}: {self.message}"
        return f"{self.status:<9}  {about if self.message else self.subject}"


@dataclass(frozen=True)
class PluginCheck:
    """What checking some plugins found.

    Attributes:
        plugins: the names of the plugins.
        checks: what was checked, in order.
    """

    plugins: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is broken."""
        return not self.of("broken")

    def of(self, status: Status) -> tuple[Check, ...]:
        """Return the checks with a status."""
        return tuple(check for check in self.checks if check.status == status)


Task = tuple[str, Callable[[], Check]]
"""What will be checked, and the function that does it."""


def tasks_of(plugin: Plugin, settings: PluginSettings) -> Iterator[Task]:
    """Yield everything that is checked of a plugin: loading, components, recipes and studies.

    Args:
        plugin: the plugin, loaded or broken.
        settings: which plugins may be loaded for its recipes.
    """
    yield f"plugin {plugin.name}", lambda: _loading(plugin)
    for component in plugin.components:
        yield str(component), lambda component=component: component_check(component)  # type: ignore[misc]
    for name, path in plugin.recipes.items():
        yield f"recipe {name}", lambda name=name, path=path: _recipe(name, path, settings)  # type: ignore[misc]
    for name, path in plugin.studies.items():
        yield f"study {name}", lambda name=name, path=path: _study(name, path, settings)  # type: ignore[misc]


def component_check(
    component: Component, options: Mapping[str, Any] | None = None, without: Sequence[str] = ()
) -> Check:
    """Check one component.

    Args:
        component: the component.
        options: options that differ from the defaults.
        without: see ``check_component``.
    """
    check = Check(str(component))
    needed = [name for name, field in component.options.model_fields.items() if field.is_required()]
    missing = [name for name in needed if name not in (options or {})]
    if missing:
        given = " ".join(f"{name}=VALUE" for name in missing)
        how = f"{component}: has no default for {', '.join(missing)}: name the component with {given}"
        command = f"--component {component.kind}/{component.name} {given}"
        return replace(check, status="unchecked", message=f"{how} ({command})")
    try:
        check_component(component, without=without, **(options or {}))
    except AssertionError as error:
        return replace(check, status="broken", message=" ".join(str(error).split()))
    except Exception as error:
        return replace(check, status="broken", message=failure(component, "checking it", error))
    return check


def _loading(plugin: Plugin) -> Check:
    check = Check(f"plugin {plugin.name}")
    if plugin.status != "loaded":
        return replace(check, status="broken", message=plugin.error or plugin.status)
    if plugin.unoffered:
        names = ", ".join(f"{component.kind}/{component.name}" for component in plugin.unoffered)
        return replace(check, status="broken", message=f"declares {names}; no hook dcgan_kit_components returns it")
    return check


def _recipe(name: str, path: Path, settings: PluginSettings) -> Check:
    return _of_file(f"recipe {name}", lambda: load_recipe(str(path), (), settings))


def _study(name: str, path: Path, settings: PluginSettings) -> Check:
    def load() -> None:
        if is_search(path):
            require_valid_recipes(read_search(path), settings)
            return
        study = read_study(path)
        for variant in variants_of(study.axes):
            load_recipe(variant.recipe or study.base or "", (*study.overrides, *variant.overrides), settings)

    return _of_file(f"study {name}", load)


def _of_file(subject: str, load: Callable[[], object]) -> Check:
    try:
        load()
    except UserError as error:
        return Check(subject, "broken", " ".join(str(error).split()))
    return Check(subject)
