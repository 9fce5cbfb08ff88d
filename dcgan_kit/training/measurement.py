"""Measures what a training will take, on a few real steps and on all that happens between steps."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.step_metrics import added, means, nothing
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.process.stop_signals import raise_received
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.checkpoint import save_checkpoint
from dcgan_kit.runs.free_space import checkpoints_at_once, free_bytes
from dcgan_kit.runs.observer_memory import as_text
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.terminal.progress import Watcher
from dcgan_kit.training.estimate import Estimate, Occasion
from dcgan_kit.training.intervals import Intervals
from dcgan_kit.training.observer import ObserverFactory
from dcgan_kit.training.prepared_run import PreparedRun, prepare_run
from dcgan_kit.training.run_recorder import Recorder
from dcgan_kit.training.step_groups import taken

GROUPS = 7
"""Groups of steps that are measured: an odd number, so that the median is one of them."""
GROUP_SECONDS = 0.5
MOST_STEPS = 500
"""Most steps of a group."""
WARM_UP = 2
"""Steps before the measured ones: the first one compiles."""
REPEAT_SECONDS = 5.0
"""What takes less is measured twice, because the first time also prepares."""
MOST_COUNTED = 20_000
"""Steps whose occasions are counted one by one; those of a longer training are in proportion."""


def measured_estimate(
    recipe: ResolvedRecipe,
    plugins: LoadedPlugins,
    path: Path,
    watcher: Watcher,
    make_observers: ObserverFactory,
    started: float,
) -> Estimate:
    """Train a few steps in a temporary folder, and measure them and all that happens between steps.

    Callbacks of plugins are not called. Call it inside ``deferred_signals``.

    Args:
        recipe: the recipe to train.
        plugins: the loaded plugins.
        path: the run folder of the training; it is not touched.
        watcher: receives messages for the user and the progress.
        make_observers: see ``training.loop.train``.
        started: ``time.monotonic()`` when the command began.

    Raises:
        Stopped: the process received a signal to stop.
        UserError: the recipe cannot be built or trained, or the data are missing.
    """
    with TemporaryDirectory(prefix="dcgan-kit-") as temporary, ExitStack() as held:
        folder = Path(temporary) / path.name
        prepared = prepare_run(held, recipe, plugins, folder, watcher, (), make_observers, False, path)
        return _Measurement(prepared, path, started).estimate()


class _Measurement:
    def __init__(self, prepared: PreparedRun, path: Path, started: float) -> None:
        self._prepared, self._path, self._started = prepared, path, started
        self._state, self._devices, self._run = prepared.session.state, prepared.devices, prepared.run
        self._training, self._intervals = prepared.training, Intervals(prepared.training, prepared.observers)
        # Scores of networks that are not trained are nothing to show, so messages are dropped.
        names = prepared.images.class_names
        self._recorder = Recorder(prepared.session, self._run, prepared.observers, lambda message: None, names)
        self._metrics: Mapping[str, float] = {}
        self._extra = 0.0

    def estimate(self) -> Estimate:
        """Measure, and sum up."""
        first, _ = self._group(WARM_UP)
        start = time.monotonic() - self._started
        seconds, count = self._steps(first / WARM_UP)
        step, training = median(seconds), self._training
        occasions, checkpoint = self._occasions() if self._devices.chief else ((), 0)
        # The others wait here for the first worker.
        self._devices.agree(0.0)
        if self._prepared.watch is not None:
            self._prepared.watch.end()
        return Estimate(
            recipe=self._prepared.recipe.name,
            devices=f"{self._devices}, {self._prepared.session.choice.variant}",
            steps=training.steps,
            step=step,
            fastest=min(seconds),
            slowest=max(seconds),
            measured=count,
            start=max(0.0, start - WARM_UP * step) + self._extra,
            occasions=tuple(one for one in occasions if one.times),
            memory=_resident(),
            gpu_memory=_on_gpu(),
            checkpoint=checkpoint,
            checkpoints=checkpoints_at_once(training),
            free=free_bytes(RunFolder(self._path)),
            chief=self._devices.chief,
        )

    def _steps(self, guess: float) -> tuple[list[float], int]:
        """Return the seconds of a step in each group, and how many steps that were; all workers take the same ones."""
        # The first steps compiled, so a group of one step says how large the others should be.
        guess = self._devices.agree(min(guess, self._group(1)[0]))[0]
        size = max(1, min(MOST_STEPS, round(GROUP_SECONDS / max(guess, 1e-6))))
        seconds = []
        for number in range(GROUPS):
            self._prepared.watcher.preparation("measuring steps", number, GROUPS)
            raise_received()
            seconds.append(self._group(size)[0] / size)
        return seconds, GROUPS * size

    def _group(self, count: int) -> tuple[float, Any]:
        """Take steps as training does, and return their time and metrics."""
        begun = time.perf_counter()
        found = taken(self._prepared, self._state.steps_done, count, self._prepared.recipe.name)
        self._metrics = {name: value for name, value in means(added(nothing(), found)).items() if np.isfinite(value)}
        return time.perf_counter() - begun, found

    def _occasions(self) -> tuple[tuple[Occasion, ...], int]:
        times, due = self._due_steps()
        at = self._state.steps_done
        found = [
            self._occasion("line of metrics", times["line"], lambda: self._recorder.metrics(at, self._metrics, 1.0)),
            self._occasion("sample grid", times["grid"], lambda: self._recorder.sample(at)),
        ]
        found += [self._occasion(name, times[name], partial(self._observe, step)) for name, step in due.items()]
        saving = self._occasion("checkpoint", times["checkpoint"], self._save, kept=False)
        ending = self._occasion("generator at the end", 1, self._recorder.finish)
        file = next(self._run.checkpoints.glob("*.npz")).stat().st_size
        copy = self._run.start_weights_file
        copied = Occasion("weights to start from", 1, 0.0, copy.stat().st_size) if copy.exists() else None
        return (*found, saving, ending, *([copied] if copied else [])), file

    def _occasion(self, name: str, times: int, act: Callable[[], Any], kept: bool = True) -> Occasion:
        """Do something once or twice, and measure its time and the bytes that it leaves."""
        if not times:
            return Occasion(name, 0, 0.0, 0)
        self._prepared.watcher.preparation(f"measuring: {name}", 0, 1)
        first, size = self._done(act)
        seconds = first
        if first < REPEAT_SECONDS:
            # The second time replaces the same files.
            seconds, _ = self._done(act)
            self._extra += max(0.0, first - seconds)
        return Occasion(name, times, seconds, size if kept else 0)

    def _done(self, act: Callable[[], Any]) -> tuple[float, int]:
        raise_received()
        before = _bytes_in(self._run.path)
        with self._recorder.opened(self._training.steps):
            begun = time.perf_counter()
            act()
            seconds = time.perf_counter() - begun
        return seconds, max(0, _bytes_in(self._run.path) - before)

    def _observe(self, step: int) -> None:
        for _ in self._recorder.observe(step):
            # The recorder writes what it yields.
            pass

    def _save(self) -> None:
        observers = {type(one).__name__: one.memory() for one in self._prepared.observers}
        memory = as_text({"observers": observers, "stop": "", "recipe": self._prepared.recipe_hash})
        save_checkpoint(self._run, self._state, self._training.keep, None, None, memory)

    def _due_steps(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return how often each occasion comes, and the first step of each that observers have."""
        training, observers = self._training, self._prepared.observers
        last, most = training.steps, min(training.steps, MOST_COUNTED)
        counts = dict.fromkeys(("line", "grid", "checkpoint"), 0)
        due: dict[str, int] = {}
        step = 0
        while step < most:
            step = self._intervals.next_after(step)
            counts["line"] += 1
            counts["grid"] += step % training.sample_every == 0 and step != last
            counts["checkpoint"] += self._intervals.checkpoint(step) and step != last
            if step != last and any(one.due(step) for one in observers):
                name = self._name_of(step)
                counts[name] = counts.get(name, 0) + 1
                due.setdefault(name, step)
        times = {name: round(count * last / most) for name, count in counts.items()}
        # Step 0 and the last step have a grid and a checkpoint, and observers look at both.
        times["grid"] += 2
        times["checkpoint"] += 2
        if any(one.due(last) for one in observers):
            name = self._name_of(last)
            times[name] = times.get(name, 0) + 1
            due.setdefault(name, last)
        return times, due

    def _name_of(self, step: int) -> str:
        """Return what observers do after a step."""
        training = self._training
        if step == training.steps or step % training.evaluation.every == 0:
            return "evaluation" if training.evaluation.scores else "all probes"
        return "quick probes" if step % training.probing.every == 0 else "second readings of probes"


def _bytes_in(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def _resident() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux KiB (getrusage(2) of each).
    return found if sys.platform == "darwin" else found * 1024


def _on_gpu() -> int | None:
    names = [f"GPU:{index}" for index in range(len(tf.config.list_physical_devices("GPU")))]
    peaks = [tf.config.experimental.get_memory_info(name)["peak"] for name in names]
    return max(peaks, default=None)
