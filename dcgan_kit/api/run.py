"""A run that is there, from a program's side: what can be asked of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.api.recipe import Recipe
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin_loading import PluginSettings
from dcgan_kit.recipes.loading import LoadedRecipe
from dcgan_kit.runs.run import SAMPLE_STREAM, StoredRun
from dcgan_kit.runs.run_folder import RunFolder, read_run, require_checkpoint
from dcgan_kit.runs.run_plugins import load_begun

if TYPE_CHECKING:
    from dcgan_kit.evaluation.results import Evaluation
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.training.observer import Watcher


def open_run(folder: str | Path, *, overrides: Sequence[str] = (), settings: PluginSettings | None = None) -> Run:
    """Open a run folder, finished or not. Starts no TensorFlow and reads no data.

    Args:
        folder: the run folder.
        overrides: ``dotted.key=VALUE`` texts, for other settings of a look at it; the folder keeps its own.
        settings: which plugins may be loaded; default: as the environment says.

    Raises:
        PluginError: the run needs a plugin that it was begun with and that is not there now.
        UserError: there is no run in that folder, or its recipe cannot be read.
    """
    path = Path(folder)
    found = read_run(path)
    loaded = load_begun(path, path, overrides, chosen(settings))
    warn_of_broken(loaded.plugins)
    return Run(found, loaded, chosen(settings))


class Run(StoredRun):
    """A run: its recipe, the networks at its checkpoints, its images, new samples, scores, probes and report.

    ``train`` and ``open_run`` return one. TensorFlow starts when networks are asked for, and images are read when
    images are asked for.

    Attributes:
        folder: where each file of the run lies.
        resolved: what its recipe says; frozen.
        plugins: the plugins that were loaded for it.
        settings: which plugins might be loaded.
    """

    def __init__(self, folder: RunFolder, loaded: LoadedRecipe, settings: PluginSettings) -> None:
        super().__init__(folder, loaded)
        self.settings = settings

    @staticmethod
    def of(recipe: Recipe, path: Path) -> Run:
        """Return the run of a recipe in a folder."""
        return Run(RunFolder(path), LoadedRecipe(recipe.resolved, recipe.plugins), recipe.settings)

    def __repr__(self) -> str:
        return f"<Run {self.path}, step {self.step} of {self.resolved.training.steps}>"

    @property
    def recipe(self) -> Recipe:
        """The recipe, every default written out."""
        loaded = LoadedRecipe(self.resolved, self.plugins)
        return Recipe(loaded, str(self.folder.recipe_file), (), self.settings)

    @property
    def training_images(self) -> Images:
        """What the networks are trained on.

        Raises:
            DataError: the images are missing, corrupt or do not fit.
        """
        return self.read_images().training

    @property
    def held_out(self) -> Images:
        """What they never see, to compare samples with; empty where the recipe holds nothing out.

        Raises:
            DataError: the images are missing, corrupt or do not fit.
        """
        return self.read_images().held_out

    def sample(self, count: int = 64, *, seed: int = 0, raw: bool = False, best: bool = False) -> Any:
        """Make new images.

        Args:
            count: how many, at least 1.
            seed: of the latent vectors, 0 … 2³¹ - 1; the same seed gives the same images.
            raw: by the generator itself, where the recipe keeps a moving average of it.
            best: from the checkpoint that the run keeps for good, instead of the newest.

        Returns:
            uint8 (count, H, W, C).

        Raises:
            RunError: the run has no such checkpoint, or it is of other networks.
        """
        require_checkpoint(self.folder)
        return self.generated(count, seed, SAMPLE_STREAM, raw=raw, best=best)

    def evaluate(
        self,
        scores: Sequence[str] | None = None,
        *,
        extractor: str | None = None,
        samples: int | None = None,
        raw: bool = False,
        best: bool = False,
        watcher: Watcher | None = None,
    ) -> Evaluation:
        """Compare samples with the images of the recipe, each number beside what real images get in their place.

        Writes ``evaluation.json`` into the run folder; with ``best`` and ``raw``, ``evaluation-best.json`` and so on.

        Args:
            scores: ``NAME`` or ``NAME:option=value``; default: all that the images and the extractor allow.
            extractor: what describes images; default: chosen by the images.
            samples: how many images to judge, at least 2; default: as many as the floor can be measured with.
            raw: see ``sample``.
            best: see ``sample``.
            watcher: who is told how far it is; default: a progress bar on standard error.

        Raises:
            UserError: there is no such score, it cannot be had with these images, or the data are missing.
            RunError: the run has no such checkpoint, or its folder cannot be written.
        """
        from dcgan_kit.api.evaluate import evaluate_run
        from dcgan_kit.evaluation.results import file_name

        evaluation = evaluate_run(self, self.settings, scores, extractor, samples, raw=raw, best=best, watcher=watcher)
        content = json.dumps(evaluation.as_data(), indent=2).encode() + b"\n"
        self.folder.write(self.path / file_name(best, raw), content)
        return evaluation

    def probe(
        self, probes: Sequence[str] | None = None, *, best: bool = False, watcher: Watcher | None = None
    ) -> Examination:
        """Look into the networks at a checkpoint, beside what they were at step 0.

        Trains a few steps in memory for what shows only between two of them, and writes nothing.

        Args:
            probes: ``NAME`` or ``NAME:option=value``; default: all.
            best: see ``sample``.
            watcher: who is told how far it is; default: a progress bar on standard error.

        Raises:
            UserError: there is no such probe, the recipe cannot be built here, or the data are missing.
            RunError: the run has no such checkpoint.
        """
        from dcgan_kit.api.probe import probed

        return probed(self.resolved, self.plugins, self.settings, probes, self.folder, best, watcher)

    def report(self, output: str | Path | None = None, *, quick: bool = False) -> Path:
        """Write a page about the run: see ``dcgan_kit.report``."""
        from dcgan_kit.api.report_page import report

        return report([self.path], output, quick=quick, settings=self.settings)
