"""The host's side of training: groups of compiled steps, and between them metrics, samples, checkpoints, signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.components.plugins import LoadedPlugins
from dcgan_kit.components.results import Images
from dcgan_kit.data.loading import load_images
from dcgan_kit.data.order import batch_indices
from dcgan_kit.errors import UserError, gathered
from dcgan_kit.networks.building import build_networks
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.training.blame import blaming
from dcgan_kit.training.callbacks import Callbacks
from dcgan_kit.training.checkpoint import restore_checkpoint, save_checkpoint
from dcgan_kit.training.metrics import MetricsWriter
from dcgan_kit.training.parts import check_parts
from dcgan_kit.training.run_folder import RunFolder, open_run, writing
from dcgan_kit.training.sampling import generated, grid_of, latent_vectors, png_of
from dcgan_kit.training.state import TrainingState
from dcgan_kit.training.step import METRICS, Steps, compiled_steps

GROUP_SECONDS = 0.5
"""How long a group of steps runs before signals are looked at and the progress bar moves."""


class Diverged(UserError):
    """A loss is no longer a finite number."""


class Watcher(Protocol):
    """Who is told how training goes."""

    def note(self, message: str) -> None:
        """Take a line for people."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the number of steps that are done and the latest metrics."""


@dataclass(frozen=True)
class Outcome:
    """How training ended.

    Attributes:
        run: the run folder.
        step: steps that are done.
        signal: the signal that stopped it, or None where it reached the end.
    """

    run: RunFolder
    step: int
    signal: signal.Signals | None


def train(recipe: ResolvedRecipe, plugins: LoadedPlugins, path: Path, watcher: Watcher) -> Outcome:
    """Train a recipe in a run folder, from its checkpoint if it holds one.

    Args:
        recipe: what to train.
        plugins: the plugins that were loaded, for their callbacks.
        path: the run folder.
        watcher: who is told.

    Raises:
        UserError: the recipe cannot be built or trained, the data are missing, or the folder cannot be used.
    """
    _refuse_missing(recipe)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.training.seed)
    networks, _ = gathered(lambda: build_networks(recipe), lambda: check_parts(recipe))
    images = load_images(recipe)
    for line in images.skipped:
        watcher.note(f"skipped {line}")
    strangers = frozenset(p.name for p in plugins.plugins if p.origin != "built-in")
    with blaming(networks, strangers):
        state = TrainingState.create(recipe, networks)
        steps = compiled_steps(recipe, state)
        run = open_run(path, recipe, plugins)
        return _Loop(recipe, plugins, run, state, images, steps, watcher).run_to_end()


def _refuse_missing(recipe: ResolvedRecipe) -> None:
    if recipe.training.missing:
        things = "; ".join(recipe.training.missing)
        raise UserError(
            f"{recipe.mark(('training', 'missing'))}: training.missing: this version cannot do what the recipe's "
            f"training needs: {things}. To train without, add the argument 'training.missing=[]'"
        )


class _Loop:
    def __init__(
        self,
        recipe: ResolvedRecipe,
        plugins: LoadedPlugins,
        run: RunFolder,
        state: TrainingState,
        images: Images,
        steps: Steps,
        watcher: Watcher,
    ) -> None:
        self.recipe = recipe
        self.training = recipe.training
        self.run = run
        self.state = state
        self.images = images
        self.steps = steps
        self.watcher = watcher
        self.callbacks = Callbacks.of(plugins, recipe, run, state.networks.generator.model)
        rows, columns = recipe.training.sample_grid
        self.grid_latent = latent_vectors(recipe, rows * columns, recipe.training.seed)
        self.group = 1

    def run_to_end(self) -> Outcome:
        path, damaged = restore_checkpoint(self.run, self.state)
        for line in damaged:
            self.watcher.note(line)
        step = int(self.state.step)
        if path is not None:
            self.watcher.note(f"going on from step {step} ({path})")
        writer = MetricsWriter(self.run, step)
        saved = step if path is not None else -1
        with _signals() as received:
            if step == 0:
                self._sample(step, writer)
            self.callbacks.call("on_train_begin")
            try:
                while step < self.training.steps and not received:
                    step, metrics = self._to_next_log(step, received)
                    if metrics:
                        self._log(step, metrics, writer)
                    if step % self.training.sample_every == 0 or step == self.training.steps:
                        self._sample(step, writer)
                    if step % self.training.checkpoint_every == 0:
                        save_checkpoint(self.run, self.state)
                        saved = step
            finally:
                writer.close()
            if saved != step:
                save_checkpoint(self.run, self.state)
            self.callbacks.call("on_train_end")
            if step == self.training.steps:
                self._finish()
        return Outcome(self.run, step, received[0] if step < self.training.steps else None)

    def _to_next_log(self, step: int, received: list[signal.Signals]) -> tuple[int, dict[str, float]]:
        """Train up to the next step at which something is due; return it and the means over the way."""
        training = self.training
        due = min(
            (step // every + 1) * every
            for every in (training.log_every, training.sample_every, training.checkpoint_every)
        )
        due = min(due, training.steps)
        first, totals, started = step, np.zeros(len(METRICS)), time.perf_counter()
        while step < due and not received:
            count = min(self.group, due - step)
            group_started = time.perf_counter()
            means = self._group(step, count)
            elapsed = time.perf_counter() - group_started
            totals += count * means
            step += count
            self.group = max(1, min(1000, round(GROUP_SECONDS * count / max(elapsed, 1e-6))))
            self.watcher.progress(step, dict(zip(METRICS, means.tolist(), strict=True)))
        if step == first:
            return step, {}
        seconds = time.perf_counter() - started
        metrics = dict(zip(METRICS, (totals / (step - first)).tolist(), strict=True))
        metrics["images_per_second"] = (step - first) * training.batch_size / seconds
        return step, metrics

    def _group(self, step: int, count: int) -> Any:
        training = self.training
        indices = [
            batch_indices(len(self.images.pixels), training.batch_size, training.seed, step + i) for i in range(count)
        ]
        means = self.steps(tf.constant(self.images.pixels[np.stack(indices)]), tf.constant(step, tf.int64)).numpy()
        if not np.isfinite(means).all():
            named = ", ".join(f"{name} {value:g}" for name, value in zip(METRICS, means, strict=True))
            raise Diverged(
                f"training diverged between steps {step + 1} and {step + count}: {named}. The last checkpoint in "
                f"{self.run.checkpoints} is from before; try a lower learning rate in a new run folder"
            )
        return means.astype(np.float64)

    def _log(self, step: int, metrics: dict[str, float], writer: MetricsWriter) -> None:
        writer.scalars(step, metrics)
        self.callbacks.call("on_train_batch_end", step, metrics)

    def _sample(self, step: int, writer: MetricsWriter) -> None:
        rows, columns = self.training.sample_grid
        images = generated(self.state.sampled, self.grid_latent, self.recipe.value_range)
        grid = grid_of(images, rows, columns)
        self.run.write(self.run.samples / f"step-{step:06d}.png", png_of(grid))
        writer.image(step, "samples", grid)

    def _finish(self) -> None:
        temporary = self.run.path / ".generator.tmp.keras"
        try:
            with writing(self.run.generator_file):
                self.state.sampled.save(temporary)
                content = temporary.read_bytes()
        finally:
            temporary.unlink(missing_ok=True)
        self.run.write(self.run.generator_file, content)


@contextmanager
def _signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGINT and SIGTERM instead of dying, so that the group of steps and a checkpoint can be finished."""
    received: list[signal.Signals] = []

    def take(number: int, _: Any) -> None:
        if received and number == signal.SIGINT:
            # A second Ctrl-C means it; the last checkpoint stands.
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    handlers: dict[signal.Signals, Callable[..., Any] | int | None] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, take)
    except ValueError:
        # Signals can only be taken in the main thread; in another one whoever started it stops it.
        handlers = {}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
