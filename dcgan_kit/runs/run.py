"""A stored run: its recipe, the networks at its checkpoints, its images, and new samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.recipes.loading import LoadedRecipe
from dcgan_kit.recipes.resolved import Role
from dcgan_kit.runs.manifest import Entry, entries_of
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.sampler import Sampler

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState
    from dcgan_kit.networks.network import Networks


@dataclass(frozen=True)
class Restored:
    """The restored content of a checkpoint.

    Attributes:
        state: networks, averages and optimizers.
        notes: a message about each newer checkpoint that is damaged.
    """

    state: TrainingState
    notes: tuple[str, ...]

    @property
    def step(self) -> int:
        """Number of steps that the networks were trained."""
        return self.state.steps_done

    def generator(self, raw: bool = False) -> Any:
        """Return the generator: its moving average if the recipe keeps one, unless ``raw``."""
        return self.state.networks.generator.model if raw else self.state.sampled


class StoredRun(Sampler):
    """A run folder and its recipe, for commands and programs that read a run. Training does not use it.

    TensorFlow starts at the first call that needs networks, and images are read at the first call that needs them.

    Args:
        folder: the run folder.
        loaded: its recipe, and the plugins that the recipe was loaded with.

    Attributes:
        folder: the run folder, with the path of each file.
        loaded: its recipe, and the plugins that the recipe was loaded with.
    """

    def __init__(self, folder: RunFolder, loaded: LoadedRecipe) -> None:
        super().__init__(loaded)
        self.folder = folder
        self._restored: dict[tuple[bool, tuple[Entry, ...]], Restored] = {}

    @property
    def path(self) -> Path:
        """The folder's path."""
        return self.folder.path

    @property
    def step(self) -> int:
        """Step of the newest checkpoint; 0 if there is none yet."""
        return max((entry.step for entry in entries_of(self.folder)), default=0)

    @property
    def finished(self) -> bool:
        """Whether training is complete: it reached its last step, or a callback or a finding ended it."""
        return self.folder.finished

    def restored(self, best: bool = False, networks: Networks | None = None) -> Restored:
        """Restore the newest undamaged checkpoint, or the best one. A second call returns the same networks.

        Args:
            best: restore the best checkpoint instead of the newest.
            networks: networks of this recipe to restore into; default: new ones.

        Raises:
            RunError: the run has no such checkpoint, or it belongs to other networks.
        """
        key = best, tuple(entries_of(self.folder))
        if key not in self._restored:
            networks = self.networks() if networks is None else networks
            from dcgan_kit.adversarial.state import TrainingState
            from dcgan_kit.adversarial.training_components import build_parts
            from dcgan_kit.runs.checkpoint import restore_for_inference

            state = TrainingState.create(self.resolved, networks, build_parts(self.resolved))
            # States that were restored before the list of checkpoints changed are out of date.
            self._restored = {other: kept for other, kept in self._restored.items() if other[1] == key[1]}
            self._restored[key] = Restored(state, restore_for_inference(self.folder, state, best))
        return self._restored[key]

    def generator(self, *, raw: bool = False, best: bool = False) -> Any:
        """Return the generator of a checkpoint, a Keras model: latent vectors (B, size) → images (B, H, W, C).

        ``sample`` uses the same model object.

        Args:
            raw: return the generator itself, even if the recipe keeps a moving average of it.
            best: use the best checkpoint instead of the newest.

        Raises:
            RunError: the run has no such checkpoint, or it belongs to other networks.
        """
        return self.restored(best).generator(raw)

    def discriminator(self, *, best: bool = False) -> Any:
        """Return the discriminator of a checkpoint, a Keras model: images (B, H, W, C) → logits (B, 1).

        Args:
            best: use the best checkpoint instead of the newest.

        Raises:
            RunError: the run has no such checkpoint, or it belongs to other networks.
        """
        return self._model("discriminator", best)

    def _model(self, role: Role, best: bool) -> Any:
        return getattr(self.restored(best).state.networks, role).model
