"""Write a recipe that fits a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import everything, new_recipe_file, write_new
from dcgan_kit.api.data_inspection import inspected
from dcgan_kit.api.data_source import DataSource, FoundSource, find_source
from dcgan_kit.api.recipe import Recipe, load_recipe
from dcgan_kit.data.content import LABEL_FILES, READ_BY_NAME
from dcgan_kit.errors import UserError
from dcgan_kit.process.processors import usable_processors
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.components.registry import Registry
    from dcgan_kit.inspection.proposal import Cost, Proposal
    from dcgan_kit.terminal.progress import Watcher

_READERS = "data"
"""The built-in plugin of the components that read files."""


def new_recipe(
    target: str | Path,
    data: DataSource,
    *,
    size: str | None = None,
    conditional: bool | None = None,
    settings: PluginSettings | None = None,
    watcher: Watcher | None = None,
) -> Recipe:
    """Write a recipe that fits a data set, with a reason beside each choice.

    It reads every image once, and says what would harm a training. The text is checked as ``Recipe.check`` does before
    it is written. The JSON Schema of recipes is written beside it for editors, unless it is there.

    Args:
        target: the new file: a name such as ``faces`` for ``faces.yaml`` in the working directory, or a path that ends
            in .yaml.
        data: where the images come from; see ``inspect_data``.
        size: ``64``, ``48x96`` or ``64x64x3``; default: the largest of 28, 32, 64 and 128 that half of the images
            reach, or the images' own if the source does not resize them; grey if all images are.
        conditional: whether the recipe has classes; default: if there are 2 to 1,000, each with 50 images or more.
        settings: which plugins may be loaded; default: the settings of the environment.
        watcher: receives the progress and the advice; default: a progress bar and messages on standard error.

    Returns:
        The new recipe, loaded from its file.

    Raises:
        DataError: the images are missing, or none can be read.
        UserError: the file exists or cannot be written, the networks cannot have the size, or there are no classes.
    """
    made = fitting_recipe(target, data, size=size, conditional=conditional, settings=settings, watcher=watcher)
    for sentence in made.advice:
        (note if watcher is None else watcher.note)(f"note: {sentence}")
    return made.recipe


@dataclass(frozen=True)
class FittingRecipe:
    """A recipe that was written.

    Attributes:
        recipe: it, loaded from its file.
        advice: sentences about what would harm a training.
        stops: the one of them that says why training will stop; empty if none does.
    """

    recipe: Recipe
    advice: tuple[str, ...]
    stops: str


def fitting_recipe(
    target: str | Path,
    data: DataSource,
    *,
    size: str | None = None,
    conditional: bool | None = None,
    settings: PluginSettings | None = None,
    watcher: Watcher | None = None,
) -> FittingRecipe:
    """Write a recipe as ``new_recipe`` does, and say nothing.

    Raises:
        UserError: see ``new_recipe``.
    """
    file = _file(target)
    source = find_source(data, (), settings)
    from dcgan_kit.inspection.advice import stopping_advice
    from dcgan_kit.inspection.proposal import batch_for, first_proposal, steps_for
    from dcgan_kit.inspection.recipe_text import recipe_text

    found = inspected(source, size, None, watcher)
    proposal, slot = first_proposal(found, conditional), _slot(source, everything(settings).registry)
    cost = _cost(load_recipe(recipe_text(proposal, slot, size is not None), settings=settings), proposal)
    batch, why_batch = batch_for(proposal, cost)
    steps, why_steps = steps_for(batch, cost)
    proposal = replace(proposal, batch=batch, why_batch=why_batch, steps=steps, why_steps=why_steps)
    text = recipe_text(proposal, slot, size is not None)
    load_recipe(text, settings=settings).check()
    write_new(file, text, settings)
    return FittingRecipe(load_recipe(file, settings=settings), found.advice, stopping_advice(found))


def _file(target: str | Path) -> Path:
    """Return the file to write.

    Raises:
        UserError: it exists, or its name is that of no recipe.
    """
    file = new_recipe_file(Path(target))
    if not file.name or file.is_dir():
        raise UserError(f"{target}: give the name of a new file, such as faces or recipes/faces.yaml")
    if os.path.lexists(file):
        raise UserError(f"{file}: exists already; choose another name")
    if not file.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")
    return file


def _slot(source: FoundSource, registry: Registry) -> Mapping[str, Any]:
    """Return the value of ``data``. Its paths hold from every folder."""
    component = source.choice.component
    slot = {"use": registry.reference(component), **source.given}
    for option in _path_options(component):
        value = slot.get(option)
        # A name that is no folder is that of a data set.
        if isinstance(value, str) and not value.startswith("~") and (option != "name" or os.path.isdir(value)):
            slot[option] = os.path.abspath(value)
    return slot


def _path_options(component: Component) -> tuple[str, ...]:
    """Return the options of a component that are paths, or may be."""
    if component.owner == _READERS and component.name in READ_BY_NAME:
        return ("name",)
    return ("path", "labels") if component.owner == _READERS and component.name in LABEL_FILES else ("path",)


def _cost(recipe: Recipe, proposal: Proposal) -> Cost:
    """Return what the networks of a recipe cost here."""
    from dcgan_kit.api.study_plan import free_memory
    from dcgan_kit.inspection.proposal import BATCH_OPTIONS, Cost
    from dcgan_kit.process import tensorflow_startup

    tensorflow_startup.start_tensorflow()
    import tensorflow as tf

    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import summarize, training_memory

    networks = build_networks(recipe.resolved, symbolic=True)
    sizes = [size for size in BATCH_OPTIONS if size <= proposal.batch]
    averaged = recipe.resolved.training.ema > 0
    return Cost(
        summarize(networks.generator).macs,
        summarize(networks.discriminator).macs,
        {size: training_memory(networks, size, averaged) for size in sizes},
        free_memory(),
        usable_processors(),
        bool(tf.config.list_physical_devices("GPU")),
    )
