"""Probes of the networks of a recipe or a run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list
from dcgan_kit.api.catalogue import everything
from dcgan_kit.errors import UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.terminal.progress import progress_to

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.recipes.loading import LoadedRecipe
    from dcgan_kit.recipes.resolved import Choice
    from dcgan_kit.runs.run_folder import RunFolder
    from dcgan_kit.terminal.progress import Watcher


def probed(
    loaded: LoadedRecipe,
    settings: PluginSettings,
    names: Sequence[str] | None,
    run: RunFolder | None,
    best: bool,
    watcher: Watcher | None,
) -> Examination:
    """Run probes on the networks of a recipe, or on a checkpoint of a run; see ``Run.probe``.

    Raises:
        UserError: there is no such probe, the recipe cannot be built here, the data are missing, or the run has no
            such checkpoint.
    """
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.runs.folder_content import require_checkpoint

    recipe, plugins = loaded.recipe, loaded.plugins
    requested = None if names is None else require_list("probes", names, 1)
    choices = _choices(requested, plugins, settings, recipe.training.probing.probes)
    if run is not None:
        require_checkpoint(run)
    require_data(recipe)
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.probing.probe_run import build_probes
    from dcgan_kit.probing.run_probes import examine

    with progress_to(watcher) as progress:
        reading = partial(progress.preparation, "reading images")
        return examine(recipe, build_probes(choices), run, best, plugins.third_party, progress.note, reading)


def health_of(examination: Examination) -> str:
    """Return the health line: one line about the state of the networks."""
    from dcgan_kit.probing.health_line import health_line

    return health_line(examination.findings, examination.succeeded, len(examination.failed))


def _choices(
    names: Sequence[str] | None, plugins: LoadedPlugins, settings: PluginSettings, of_the_recipe: Sequence[Choice]
) -> list[Choice]:
    """Return the chosen probes. Options come from ``names``, else from the recipe, else they are the defaults."""
    from dcgan_kit.evaluation.selection import choice_of
    from dcgan_kit.probing.probe_run import by_default

    known = {(choice.component.owner, choice.component.name): choice for choice in of_the_recipe}

    def configured(component: Component) -> Choice:
        return known.get((component.owner, component.name)) or by_default(component)

    if names is None:
        return [configured(component) for component in plugins.registry.of_kind("probe")]
    requested = [text.strip() for text in names]
    # A name may belong to a third-party plugin, which a recipe of built-in components has not loaded.
    all_known = {text.partition(":")[0] for text in requested} <= set(plugins.registry.names("probe"))
    registry = plugins.registry if all_known else everything(settings).registry
    chosen: list[Choice] = []
    for text in requested:
        choice = choice_of("probe", text, registry) if ":" in text else configured(registry.find("probe", text))
        if any(choice.component == other.component for other in chosen):
            raise UserError(f"--probes: {choice.component.name} is named twice: name each probe once")
        chosen.append(choice)
    return chosen
