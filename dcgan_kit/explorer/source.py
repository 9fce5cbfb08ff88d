"""What the page draws with: a run, its checkpoints, and its generator with and without the moving average."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

from dcgan_kit.data.holdout import SplitImages
from dcgan_kit.data.progress import Report
from dcgan_kit.errors import UserError
from dcgan_kit.explorer.painter import Painter
from dcgan_kit.runs.best_checkpoint import best_so_far
from dcgan_kit.runs.manifest import entries_of
from dcgan_kit.runs.run import SAMPLE_STREAM, StoredRun

MOST_LOADED = 8
"""Most generators of a source in memory; the one that was used longest ago goes first."""


@dataclass(frozen=True)
class Version:
    """One generator of a source.

    Attributes:
        key: its name in requests.
        text: its name on the page.
        step: number of steps that it was trained.
        raw: the generator itself, not its moving average.
        best: the best checkpoint.
    """

    key: str
    text: str
    step: int
    raw: bool = False
    best: bool = False


class Source:
    """A run whose generators the page draws with. Safe to use from several threads.

    Args:
        run: the run.
        name: its name on the page.

    Attributes:
        run: the run.
        name: its name on the page.
        versions: its generators; the first is the one that ``sample`` uses.
    """

    def __init__(self, run: StoredRun, name: str) -> None:
        self.run, self.name = run, name
        self.recipe = run.resolved
        self.versions = _versions(run)
        self._painters: OrderedDict[str, Painter] = OrderedDict()
        self._loading, self._reading = Lock(), Lock()

    def vectors(self, count: int, seed: int) -> Any:
        """Return the latent vectors that ``sample`` draws, float32 (count, size)."""
        return self.run.vectors(count, seed, SAMPLE_STREAM).numpy()

    def warm_up(self) -> None:
        """Load the first generator, and make an image with it, so that the page does not wait."""
        self.painter(self.versions[0].key).pixels(self.vectors(1, 0))

    def painter(self, key: str) -> Painter:
        """Return a generator, and load it if it is not in memory.

        Raises:
            RunError: its checkpoint is damaged.
            UserError: there is no such generator.
        """
        with self._loading:
            if key not in self._painters:
                self._painters[key] = self._loaded(self._version(key))
            self._painters.move_to_end(key)
            if len(self._painters) > MOST_LOADED:
                self._painters.popitem(last=False)
            return self._painters[key]

    def images(self, report: Report | None = None) -> SplitImages:
        """Return the images of the recipe; the first call reads them.

        Args:
            report: receives the progress of the first call.

        Raises:
            UserError: they cannot be read.
        """
        with self._reading:
            return self.run.read_images(report)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, or its number where the images cannot be read; empty if there are no classes."""
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

    @property
    def has_discriminator(self) -> bool:
        """Whether the discriminator is there as well."""
        return True

    def _version(self, key: str) -> Version:
        found = next((version for version in self.versions if version.key == key), None)
        if found is None:
            raise UserError(f"{self.name}: has no generator {key!r}")
        return found

    def _loaded(self, version: Version) -> Painter:
        networks = self.run.networks()
        weights = self.run.generator(raw=version.raw, best=version.best).get_weights()
        networks.generator.model.set_weights(weights)
        return Painter(self.recipe, networks)


def _versions(run: StoredRun) -> tuple[Version, ...]:
    entries = entries_of(run.folder)
    averaged = run.resolved.training.ema > 0
    best = best_so_far(run.folder)
    found = []
    if entries:
        step = max(entry.step for entry in entries)
        found.append(Version("newest", f"step {step:,}", step))
        if averaged:
            found.append(Version("newest-raw", f"step {step:,}, without the average", step, raw=True))
    if best is not None:
        found.append(Version("best", f"best, step {best.entry.step:,}", best.entry.step, best=True))
    return tuple(found)

