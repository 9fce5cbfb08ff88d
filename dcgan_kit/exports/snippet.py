"""The Python program that loads an exported model: for the model card, and to check the model in a fresh process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.components.saved_layers import BUILTIN_COMPONENTS
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.exports.image_model import LABEL, LATENT
from dcgan_kit.recipes.resolved import ResolvedRecipe

EXAMPLES = 16
"""Number of images that the program makes."""

_DRAWN = {
    "normal": "rng.normal(0.0, {stddev}, ({count}, {size}))",
    "uniform": "rng.uniform({low}, {high}, ({count}, {size}))",
}
"""How NumPy draws the latent vectors of built-in components whose distribution it has."""
_OTHERWISE = "rng.standard_normal(({count}, {size}))"


@dataclass(frozen=True)
class Snippet:
    """A program in parts.

    Attributes:
        imports: lines that import what is needed.
        inputs: lines that draw ``latent`` and, for a model with classes, ``label``.
        call: lines that load the model and make ``images``.
    """

    imports: str
    inputs: str
    call: str

    @property
    def text(self) -> str:
        """The whole program."""
        return f"{self.imports}\n\n{self.inputs}\n{self.call}"


def snippet(
    form: ModelFormat,
    name: str,
    recipe: ResolvedRecipe,
    labels: bool,
    first: Sequence[str] = (),
    folders: Sequence[str] = (),
) -> Snippet:
    """Return the program.

    Args:
        form: the format.
        name: the model's file or folder, relative to the folder where the program runs.
        recipe: the recipe of the generator.
        labels: whether the model takes classes.
        first: lines that import the code of layers that Keras does not have.
        folders: folders of plugins that a generator file may need.
    """
    inputs = (LATENT, LABEL) if labels else (LATENT,)
    pairs, arguments = ", ".join(f'"{one}": {one}' for one in inputs), ", ".join(f"{one}={one}" for one in inputs)
    settings = f", settings=dcgan_kit.PluginSettings(({', '.join(f'Path({one!r})' for one in folders)},))"
    # JSON's texts are literals of Python. The name may come from a file of somebody else.
    path = json.dumps(name, ensure_ascii=False)
    call = form.call.format(path=path, pairs=pairs, arguments=arguments, settings=settings if folders else "")
    paths = ("from pathlib import Path",) if folders else ()
    return Snippet("\n".join((*paths, "import numpy as np", *first, form.imports)), _drawn(recipe, labels), call)


def _drawn(recipe: ResolvedRecipe, labels: bool) -> str:
    component = recipe.latent.component
    # A plugin may have another distribution of the same name, and options of any name.
    template = _DRAWN.get(component.name) if component.package == BUILTIN_COMPONENTS else None
    values = {**recipe.latent.options, "count": EXAMPLES, "size": recipe.latent_size}
    drawn = (template or _OTHERWISE).format_map(values)
    remark = "" if template else f"  # not as in training: see {LATENT!r} above"
    lines = ["rng = np.random.default_rng(0)", f"{LATENT} = {drawn}.astype(np.float32){remark}"]
    if labels:
        lines.append(f"{LABEL} = np.arange({EXAMPLES}, dtype=np.int32) % {recipe.classes}")
    return "\n".join(lines)
