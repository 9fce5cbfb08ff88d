"""What the page draws with: a run with its checkpoints, or a generator without its run."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock
from typing import Any

from dcgan_kit.data.holdout import SplitImages
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.explorer.painter import Painter
from dcgan_kit.explorer.versions import Version, versions_of
from dcgan_kit.networks.network import Networks
from dcgan_kit.runs.run import StoredRun
from dcgan_kit.runs.sampler import SAMPLE_STREAM, Sampler

MOST_LOADED = 8
"""Most generators of a source in memory; the one that was used longest ago goes first."""


class Source:
    """A recipe with trained generators that the page draws with. Safe to use from several threads.

    Args:
        sampler: a run, or a generator without its run.
        name: its name on the page.

    Attributes:
        name: its name on the page.
        recipe: the recipe.
        versions: its generators; the first is the one that ``sample`` uses.
        notes: a message about each damaged checkpoint that was passed over.

    Raises:
        RunError: it has no checkpoint.
    """

    def __init__(self, sampler: Sampler, name: str) -> None:
        self._sampler, self.name, self.recipe = sampler, name, sampler.resolved
        self.versions = versions_of(sampler)
        if not self.versions:
            raise RunError(f"{name}: has no checkpoint yet")
        self.notes: tuple[str, ...] = ()
        self._loaded: OrderedDict[str, tuple[Painter, Networks]] = OrderedDict()
        self._loading, self._reading = Lock(), Lock()

    @property
    def has_discriminator(self) -> bool:
        """Whether the discriminator is there as well."""
        return isinstance(self._sampler, StoredRun)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Number and name of each class, or its number where the images cannot be read; empty without classes."""
        classes = self.recipe.classes
        if classes is None:
            return ()
        try:
            names = self.images().all.class_names
        except UserError:
            names = ()
        return tuple(f"{number} {names[number]}" if number < len(names) else str(number) for number in range(classes))

    @cached_property
    def deviation(self) -> float:
        """Standard deviation of the coordinates of latent vectors."""
        return float(self.vectors(1000, 0).std())

    def vectors(self, count: int, seed: int) -> Any:
        """Return the latent vectors that ``sample`` draws, float32 (count, size)."""
        return self._sampler.vectors(count, seed, SAMPLE_STREAM).numpy()

    def warm_up(self) -> None:
        """Load the first generator, and make an image with it, so that the page does not wait."""
        self.painter(self.versions[0].key).pixels(self.vectors(1, 0))

    def painter(self, key: str) -> Painter:
        """Return a generator, and load it if it is not in memory.

        Raises:
            RunError: its checkpoint is damaged.
            UserError: there is no such generator.
        """
        return self._in_memory(key)[0]

    def networks(self, key: str) -> Networks:
        """Return both networks, the generator with the weights of a version; see ``painter``."""
        return self._in_memory(key)[1]

    def images(self) -> SplitImages:
        """Return the images of the recipe; the first call reads them.

        Raises:
            UserError: they cannot be read.
        """
        with self._reading:
            return self._sampler.read_images()

    def _in_memory(self, key: str) -> tuple[Painter, Networks]:
        with self._loading:
            if key not in self._loaded:
                networks = self._restored(self._version(key))
                self._loaded[key] = Painter(self.recipe, networks.generator.model), networks
            self._loaded.move_to_end(key)
            if len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def _version(self, key: str) -> Version:
        found = next((version for version in self.versions if version.key == key), None)
        if found is None:
            raise UserError(f"{self.name}: has no generator {key!r}")
        return found

    def _restored(self, version: Version) -> Networks:
        networks = self._sampler.networks()
        if not isinstance(self._sampler, StoredRun):
            networks.generator.model.set_weights(self._sampler.generator().get_weights())
            return networks
        from dcgan_kit.adversarial.state import TrainingState
        from dcgan_kit.adversarial.training_components import build_parts
        from dcgan_kit.runs.checkpoint import restore_entry, restore_for_inference

        # A state of its own, which is not kept: only the weights are needed, and not those of the optimizers.
        state = TrainingState.create(self.recipe, networks, build_parts(self.recipe))
        if version.entry is None:
            self.notes = restore_for_inference(self._sampler.folder, state)
        else:
            restore_entry(self._sampler.folder, state, version.entry)
        if state.averaged is not None and not version.raw:
            networks.generator.model.set_weights(state.averaged.get_weights())
        return networks
