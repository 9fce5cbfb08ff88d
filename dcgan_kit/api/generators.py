"""Trained generators without their runs: in files, and those that come with a plugin's recipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.api.recipe import Recipe
from dcgan_kit.api.run import Run, generator_beside, open_run
from dcgan_kit.api.trained_generator import TrainedGenerator
from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.errors import RunError, did_you_mean
from dcgan_kit.files import write_output
from dcgan_kit.runs.folder_content import give_run_folder, run_folder_above, usual_run
from dcgan_kit.runs.generator_file import SUFFIX, Dtype, GeneratorFacts, GeneratorTexts, generator_content
from dcgan_kit.runs.stored_generator import GROUP, StoredGenerator
from dcgan_kit.runs.write_errors import writing_requested
from dcgan_kit.version import __version__

if TYPE_CHECKING:
    from dcgan_kit.runs.run import StoredRun


class Generator(StoredGenerator, TrainedGenerator):
    """A trained generator without its run: its recipe, its network, samples and images.

    ``open_generator`` returns a ``Generator`` for a generator file, and for the name of a recipe whose plugin brings a
    trained generator. It loads TensorFlow when you first use the network.

    Attributes:
        path: its file.
        facts: where it comes from: recipe, step, whether it is an average, the type of the numbers in the file.
        loaded: its recipe, with the plugins that were loaded for it.
        settings: which plugins may be loaded.
    """

    def __init__(self, path: Path, settings: PluginSettings) -> None:
        super().__init__(path, settings)
        self.settings = settings

    def __repr__(self) -> str:
        return f"<Generator {self.path}, step {self.step}>"

    def sampled_from(self, best: bool = False) -> tuple[int, tuple[str, ...]]:
        """Return the step of the generator, and no messages; see ``Run.sampled_from``."""
        self.generator(best=best)
        return self.step, ()

    def averages(self, *, raw: bool = False, best: bool = False) -> bool:
        """Return whether ``generator`` returns the moving average of a generator."""
        return self.facts.average

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run that it comes from, including defaults."""
        return Recipe(self.loaded, str(self.path), (), self.settings)


def open_generator(source: str | Path, *, settings: PluginSettings | None = None) -> Run | Generator:
    """Open a trained generator: that of a run, of a generator file, or one that comes with a recipe.

    Args:
        source: a run folder; a generator file, which ends in ``.npz``; or the name of a recipe that comes with a
            trained generator, such as ``lecture-fashion28``. A folder or file with that name goes first.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        PluginError: it needs a plugin that is not available now.
        RunError: there is no such generator, or it cannot be read.
    """
    settings, path = chosen(settings), Path(source)
    if path.suffix == SUFFIX and not path.is_dir():
        return _opened(path, settings)
    if os.path.isfile(path):
        raise RunError(f"{path}: {_no_generator_file(path)}")
    if not os.path.lexists(path):
        shipped = _shipped(os.fspath(source), settings)
        if shipped is not None:
            return _opened(shipped, settings)
    return open_run(path, settings=settings)


def list_generators(*, settings: PluginSettings | None = None) -> dict[str, Path]:
    """Return the file of each trained generator that comes with a plugin's recipes, by the recipe's name.

    Args:
        settings: which plugins may be loaded; default: the settings of the environment.
    """
    return dict(_shipped_by(load_plugins(chosen(settings))))


def write_generator(
    run: StoredRun, output: Path, *, dtype: Dtype = "float32", raw: bool = False, best: bool = False
) -> GeneratorFacts:
    """Write the generator of a run, its recipe, and where it comes from, into one file for ``open_generator``.

    Args:
        run: the run.
        output: the file, which ends in ``.npz``.
        dtype: type of the numbers in the file. ``float16`` halves the file and rounds weights to 11 bits.
        raw: write the generator itself, even if the recipe keeps a moving average of it.
        best: write that of the best checkpoint instead of the newest.

    Returns:
        What the file says of the generator.

    Raises:
        RunError: the run has no such checkpoint, or the file cannot be written.
    """
    import numpy as np

    restored = run.restored(best)
    average = not raw and restored.state.averaged is not None
    from dcgan_kit.adversarial.state import variables_by_name
    from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

    facts = GeneratorFacts(
        name=run.resolved.name, step=restored.step, average=average, dtype=dtype, dcgan_kit=__version__
    )
    variables = variables_by_name(GROUP, restored.generator(raw).variables)
    values = {name: np.asarray(variable) for name, variable in variables.items()}
    content = generator_content(GeneratorTexts(as_yaml(as_data(run.resolved)), facts), values)
    with writing_requested(output):
        write_output(output, content)
    return facts


def _opened(path: Path, settings: PluginSettings) -> Generator:
    generator = Generator(path, settings)
    warn_of_broken(generator.plugins)
    return generator


def _no_generator_file(path: Path) -> str:
    problem, remedy = f"is a file, but no generator file ({SUFFIX})", give_run_folder(path)
    if path.suffix != ".keras":
        return f"{problem}. {remedy}"
    run = run_folder_above(path) or "RUN"
    return (
        f"{problem}, and dcgan-kit reads no Keras files back. {remedy}; `dcgan-kit export {run} --format npz` makes a "
        "generator file of it"
    )


def _shipped(name: str, settings: PluginSettings) -> Path | None:
    """Return the file of the generator that comes with a recipe; None if this is no name of a recipe.

    Raises:
        RunError: no generator comes with the recipe, or the name is nearly that of one with a generator.
    """
    builtins = dict(_shipped_by(load_builtins(settings)))
    if name in builtins:
        return builtins[name]
    plugins = load_plugins(settings)
    known = dict(_shipped_by(plugins))
    if name in known or usual_run(Path(name)) is not None:
        return known.get(name)
    if name in plugins.recipes:
        raise RunError(f"{name}: no generator comes with this recipe; `dcgan-kit train {name}` makes a run")
    near = get_close_matches(name, sorted(known), n=1)
    if near and len(Path(name).parts) == 1:
        raise RunError(f"{name}: there is no such folder, and no such recipe.{did_you_mean(near[0], known)}")
    return None


def _shipped_by(plugins: LoadedPlugins) -> Iterator[tuple[str, Path]]:
    for name, recipe in plugins.recipes.items():
        file = generator_beside(recipe, name)
        if file is not None:
            yield name, file
