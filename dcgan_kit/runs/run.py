"""A run that is there: its recipe, the networks at its checkpoints, its images, and new samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.data.progress import Report
from dcgan_kit.recipes.loading import LoadedRecipe
from dcgan_kit.recipes.resolved import Role
from dcgan_kit.runs.manifest import Entry, entries_of
from dcgan_kit.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState
    from dcgan_kit.data.holdout import SplitImages
    from dcgan_kit.networks.builder import Networks

SAMPLE_STREAM = -2
"""Stands in for the step in the seed of samples: training draws from 0 on, its sample grid from -1."""


@dataclass(frozen=True)
class Restored:
    """What a checkpoint holds.

    Attributes:
        state: networks, averages and optimizers.
        notes: a line about each newer checkpoint that is damaged.
    """

    state: TrainingState
    notes: tuple[str, ...]

    @property
    def step(self) -> int:
        """Steps that the networks had been trained for."""
        return self.state.steps_done

    def generator(self, raw: bool = False) -> Any:
        """Return the generator: its moving average where the recipe keeps one, unless ``raw``."""
        return self.state.networks.generator.model if raw else self.state.sampled


class StoredRun:
    """A run folder and the recipe in it, seen from whoever asks about the run. Training does not use it.

    TensorFlow starts when networks are asked for, and images are read when images are asked for.

    Args:
        folder: the run folder.
        loaded: its recipe, and the plugins that the recipe was loaded with.

    Attributes:
        folder: where each file of the run lies.
        resolved: the recipe, every default written out.
        plugins: the plugins that were loaded for it.
    """

    def __init__(self, folder: RunFolder, loaded: LoadedRecipe) -> None:
        self.folder, self.resolved, self.plugins = folder, loaded.recipe, loaded.plugins
        self._images: SplitImages | None = None
        self._restored: dict[tuple[bool, tuple[Entry, ...]], Restored] = {}

    @property
    def path(self) -> Path:
        """The folder's path."""
        return self.folder.path

    @property
    def step(self) -> int:
        """Steps of the newest checkpoint; 0 where there is none yet."""
        return max((entry.step for entry in entries_of(self.folder)), default=0)

    @property
    def finished(self) -> bool:
        """Whether training reached its last step."""
        return self.folder.finished

    def networks(self) -> Networks:
        """Build the recipe's networks, with first weights.

        Raises:
            UserError: they cannot be built.
        """
        from dcgan_kit.process.tensorflow_startup import start_tensorflow

        start_tensorflow()
        from dcgan_kit.networks.builder import build_networks

        return build_networks(self.resolved)

    def restored(self, best: bool = False, networks: Networks | None = None) -> Restored:
        """Restore the newest whole checkpoint, or the best one. A second call returns the same networks.

        Args:
            best: the checkpoint that the run keeps for good, instead of the newest.
            networks: of this recipe, to restore into; default: new ones.

        Raises:
            RunError: the run has no such checkpoint, or it is of other networks.
        """
        key = best, tuple(entries_of(self.folder))
        if key not in self._restored:
            networks = self.networks() if networks is None else networks
            from dcgan_kit.adversarial.state import TrainingState
            from dcgan_kit.adversarial.training_components import build_parts
            from dcgan_kit.runs.checkpoint import restore_for_inference

            state = TrainingState.create(self.resolved, networks, build_parts(self.resolved))
            # What was restored of an older manifest is of no use any more.
            self._restored = {other: kept for other, kept in self._restored.items() if other[1] == key[1]}
            self._restored[key] = Restored(state, restore_for_inference(self.folder, state, best))
        return self._restored[key]

    def generator(self, *, raw: bool = False, best: bool = False) -> Any:
        """Return the generator of a checkpoint: a Keras model, latent vectors (B, size) to images (B, H, W, C).

        The model is shared: ``sample`` draws from it too.

        Args:
            raw: the generator itself, where the recipe keeps a moving average of it.
            best: of the checkpoint that the run keeps for good, instead of the newest.

        Raises:
            RunError: the run has no such checkpoint, or it is of other networks.
        """
        return self.restored(best).generator(raw)

    def discriminator(self, *, best: bool = False) -> Any:
        """Return the discriminator of a checkpoint: a Keras model, images (B, H, W, C) to logits (B, 1).

        Args:
            best: of the checkpoint that the run keeps for good, instead of the newest.

        Raises:
            RunError: the run has no such checkpoint, or it is of other networks.
        """
        return self._model("discriminator", best)

    def _model(self, role: Role, best: bool) -> Any:
        return getattr(self.restored(best).state.networks, role).model

    def read_images(self, report: Report | None = None) -> SplitImages:
        """Return the images of the recipe, read at the first call.

        Args:
            report: takes how many of how many are read, where that takes more than two seconds.

        Raises:
            DataError: they are missing, corrupt or do not fit.
        """
        if self._images is None:
            from dcgan_kit.data.loading import load_split_images

            self._images = load_split_images(self.resolved, report)
        return self._images

    def generated(self, count: int, seed: int, stream: int, *, raw: bool = False, best: bool = False) -> Any:
        """Return new images, uint8 (count, H, W, C).

        Args:
            count: how many.
            seed: of the latent vectors; the same seed and stream give the same images.
            stream: a number below 0 that keeps the latent vectors of one purpose apart from those of another.
            raw: see ``generator``.
            best: see ``generator``.

        Raises:
            RunError: the run has no such checkpoint, or it is of other networks.
        """
        generator = self.generator(raw=raw, best=best)
        from dcgan_kit.runs.image_grid import generated, latent_vectors

        latent = latent_vectors(self.resolved, count, seed, stream)
        return generated(generator, latent, self.resolved.image.range)
