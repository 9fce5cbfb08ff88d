"""The four hooks that a plugin may define. A hook returns what the plugin offers, and has no side effects.

A complete first plugin is one file in a folder that ``--plugins-dir`` names::

    from dcgan_kit import component, hookimpl

    @component("activation")
    def mish():
        \"\"\"x tanh(softplus(x)).  (B, ...) → (B, ...)\"\"\"
        from keras import layers
        return layers.Activation("mish")

    @hookimpl
    def dcgan_kit_components():
        return [mish]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component

PROJECT = "dcgan_kit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dcgan_kit_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Return the components that this plugin offers: ``return [mish, swish]``."""


@hookspec
def dcgan_kit_recipes() -> Mapping[str, Path]:  # type: ignore[empty-body]
    """Return recipes by name: ``return {"cats64": Path(__file__).with_name("cats64.yaml")}``."""


@hookspec
def dcgan_kit_studies() -> Mapping[str, Path]:  # type: ignore[empty-body]
    """Return study files by name: ``return {"mish_or_relu": Path(__file__).with_name("mish_or_relu.yaml")}``.

    A study file with a section ``claim`` is a claim.
    """


@hookspec
def dcgan_kit_callbacks(recipe: Any, run: Any) -> Iterable[Any]:  # type: ignore[empty-body]
    """Return Keras callbacks for a run: ``return [MyCallback(run.path)]``.

    Args:
        recipe: the resolved recipe.
        run: the run folder; ``run.path`` is its path.
    """
