"""An existing run, for use in programs: samples, scores, probes and reports."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_list
from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.api.recipe import Recipe
from dcgan_kit.api.trained_generator import TrainedGenerator
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.errors import RunError
from dcgan_kit.recipes.loading import LoadedRecipe
from dcgan_kit.runs.folder_content import read_run, require_checkpoint, usual_run
from dcgan_kit.runs.run import StoredRun
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.run_plugins import load_stored_recipe

if TYPE_CHECKING:
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.terminal.progress import Watcher

GENERATORS = "generators"
"""The folder, beside a plugin's recipe, of the generators that come with it: ``generators/RECIPE.npz``."""


def open_run(folder: str | Path, *, overrides: Sequence[str] = (), settings: PluginSettings | None = None) -> Run:
    """Open a run folder, finished or not. Loads no TensorFlow and reads no data.

    Args:
        folder: the run folder.
        overrides: ``dotted.key=VALUE`` texts that change the recipe of the returned run; the folder does not change.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        PluginError: the run was started with a plugin that is not available now.
        UserError: the folder holds no run, or its recipe cannot be read.
    """
    require_no_recipe(Path(folder), settings)
    run = run_in(Path(folder), require_list("overrides", overrides), chosen(settings))
    warn_of_broken(run.plugins)
    return run


def run_in(path: Path, overrides: Sequence[str], settings: PluginSettings) -> Run:
    """Open a run folder; see ``open_run``. Warns of nothing."""
    found = read_run(path)
    return Run(found, load_stored_recipe(path, path, overrides, settings), settings)


def require_no_recipe(path: Path, settings: PluginSettings | None) -> None:
    """Check that a path where a run is wanted is not the name of a recipe.

    Raises:
        RunError: it is one, and there is no such folder.
    """
    if os.path.lexists(path) or usual_run(path) is not None:
        return
    name = os.fspath(path)
    # Code of third parties runs only for a name that is not built in.
    recipe = load_builtins(chosen(settings)).recipes.get(name) or load_plugins(chosen(settings)).recipes.get(name)
    if recipe is None:
        return
    without = ", and the generator that comes with the recipe has none" if generator_beside(recipe, name) else ""
    raise RunError(
        f"{name}: there is no such folder. It is the name of a recipe; this needs a run{without}. "
        f"`dcgan-kit train {name}` makes one"
    )


def generator_beside(recipe: Path, name: str) -> Path | None:
    """Return the file of the trained generator that comes with a recipe; None if there is none."""
    # Reading generators takes NumPy, which commands about recipes do without.
    from dcgan_kit.runs.generator_file import SUFFIX

    file = recipe.parent / GENERATORS / f"{name}{SUFFIX}"
    return file if file.is_file() else None


class Run(StoredRun, TrainedGenerator):
    """A run: its recipe, networks, images, samples, scores, probes and report.

    ``train`` and ``open_run`` return a ``Run``. It loads TensorFlow when you first use the networks, and reads images
    when you first use the images.

    Attributes:
        folder: the paths of the files of the run.
        loaded: its resolved recipe, with the plugins that were loaded for it.
        settings: which plugins may be loaded.
    """

    def __init__(self, folder: RunFolder, loaded: LoadedRecipe, settings: PluginSettings) -> None:
        super().__init__(folder, loaded)
        self.settings = settings

    @staticmethod
    def of(recipe: Recipe, path: Path) -> Run:
        """Return the run of a recipe in a folder."""
        return Run(RunFolder(path), recipe.loaded, recipe.settings)

    def _require_generator(self) -> None:
        require_checkpoint(self.folder)

    def sampled_from(self, best: bool = False) -> tuple[int, tuple[str, ...]]:
        """Return the step of the checkpoint that makes samples, and a message about each damaged newer one."""
        restored = self.restored(best)
        return restored.step, restored.notes

    def averages(self, *, raw: bool = False, best: bool = False) -> bool:
        """Return whether ``generator`` returns the moving average of a generator."""
        return not raw and self.restored(best).state.averaged is not None

    def __repr__(self) -> str:
        return f"<Run {self.path}, step {self.step} of {self.resolved.training.steps}>"

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run, including defaults."""
        return Recipe(self.loaded, str(self.folder.recipe_file), (), self.settings)

    @property
    def training_images(self) -> Images:
        """The images that the networks are trained on.

        Raises:
            DataError: the images are missing or corrupt, or they do not fit the recipe.
        """
        return self.read_images().training

    @property
    def held_out(self) -> Images:
        """The held-out images, which training never uses; samples are compared with them.

        Empty if the recipe holds no images out.

        Raises:
            DataError: the images are missing or corrupt, or they do not fit the recipe.
        """
        return self.read_images().held_out

    def evaluate(
        self,
        scores: Sequence[str] | None = None,
        *,
        extractor: str | None = None,
        samples: int | None = None,
        class_scores: Sequence[str] | None = None,
        size: str | tuple[int, int, int] | None = None,
        judges: bool | None = None,
        raw: bool = False,
        best: bool = False,
        watcher: Watcher | None = None,
    ) -> Evaluation:
        """Compare samples with the real images of the recipe by scores. Each number comes with its floor.

        The floor is the score that real images get in place of the samples. Writes ``evaluation.json`` into the run
        folder; with ``best``, ``raw`` or ``size``, these are part of the name, such as ``evaluation-best-raw.json`` or
        ``evaluation-28x28x1.json``.

        If the recipe has classes, each class is scored by itself too (``evaluation.classes``), and ``class_accuracy``
        says how often a classifier finds the class that was asked for.

        Args:
            scores: ``NAME`` or ``NAME:option=value``; default: all scores that the images and the extractor allow.
            extractor: the component that computes the features of images; default: chosen by the images.
            samples: number of images to evaluate, at least 2; default: as many as there are real images for the floor,
                at most 5000.
            class_scores: the scores of each class, as ``scores``; default: ``kid``, and none if ``scores`` is given.
            size: resize samples and real images to this (height, width, channels) or ``"HxWxC"``, to compare models of
                different sizes; default: do not resize.
            judges: whether several unlike judges look at the samples too (``evaluation.judges``); default: if neither
                ``scores`` nor ``extractor`` is given.
            raw: see ``sample``.
            best: see ``sample``.
            watcher: receives the progress; default: a progress bar on standard error.

        Raises:
            UserError: there is no such score, it cannot be computed for these images, or the data are missing.
            RunError: the run has no such checkpoint, or its folder cannot be written.
        """
        from dcgan_kit.api.evaluate import evaluate_run
        from dcgan_kit.evaluation.results import file_name

        evaluation = evaluate_run(
            self,
            self.settings,
            scores,
            extractor,
            samples,
            class_scores,
            size=size,
            judges=judges,
            raw=raw,
            best=best,
            watcher=watcher,
        )
        content = json.dumps(evaluation.as_data(), indent=2).encode() + b"\n"
        self.folder.write(self.path / file_name(best, raw, evaluation.of.get("size")), content)
        return evaluation

    def probe(
        self, probes: Sequence[str] | None = None, *, best: bool = False, watcher: Watcher | None = None
    ) -> Examination:
        """Run probes on the networks at a checkpoint, and compare the readings with those at step 0.

        Some probes compare two steps. For them, this trains a few steps in memory. It writes no file.

        Args:
            probes: ``NAME`` or ``NAME:option=value``; default: all.
            best: see ``sample``.
            watcher: receives the progress; default: a progress bar on standard error.

        Raises:
            UserError: there is no such probe, the recipe cannot be built here, or the data are missing.
            RunError: the run has no such checkpoint.
        """
        from dcgan_kit.api.probe import probed

        return probed(self.loaded, self.settings, probes, self.folder, best, watcher)

    def report(
        self, output: str | Path | None = None, *, quick: bool = False, generator: str | Path | None = None
    ) -> Path:
        """Write an HTML report about the run; see ``dcgan_kit.report``."""
        from dcgan_kit.api.report_page import report

        return report([self.path], output, quick=quick, generator=generator, settings=self.settings)

    def film(self, output: str | Path | None = None, *, seconds: float = 8.0, raw: bool = False) -> Path:
        """Show the training as a moving picture: the sample grids of all steps, one after the other.

        The newest grid stays for two more seconds.

        Args:
            output: the file, which ends in ``.gif`` or ``.mp4``; default: ``film.gif`` in the run folder. An MP4 needs
                PyAV: ``pip install 'dcgan-kit[video]'``.
            seconds: how long the other grids take together, 0.1 … 600.
            raw: show the generator itself instead of its moving average, if the recipe keeps one.

        Returns:
            The file.

        Raises:
            UserError: the ending is another one, PyAV is missing, or the run has fewer than two grids.
            RunError: the file cannot be written.
        """
        from dcgan_kit.api.film import write_film

        return write_film(self.path, output, seconds, raw)
