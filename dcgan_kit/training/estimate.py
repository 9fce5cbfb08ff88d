"""How long a training will take, and how much memory and disk, measured on a few real steps."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.step_metrics import added, means, nothing
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.errors import RunError
from dcgan_kit.process.stop_signals import raise_received
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.checkpoint import save_checkpoint
from dcgan_kit.runs.free_space import checkpoints_at_once, free_bytes
from dcgan_kit.runs.observer_memory import as_text
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.terminal.progress import Watcher
from dcgan_kit.training.intervals import Intervals
from dcgan_kit.training.observer import ObserverFactory
from dcgan_kit.training.prepared_run import PreparedRun, prepare_run
from dcgan_kit.training.run_recorder import Recorder

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


@dataclass(frozen=True)
class Occasion:
    """What happens between steps, at some of them.

    Attributes:
        name: what it is, for people.
        times: how often it happens in the whole training.
        seconds: time that it takes once.
        bytes: bytes that stay on the disk each time.
    """

    name: str
    times: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """What a training will take, from its first step to its last.

    Attributes:
        recipe: name of the recipe.
        devices: the devices that train it, and the precision.
        steps: number of steps.
        step: median seconds of a step.
        fastest: seconds of a step in the fastest measured group of steps.
        slowest: seconds of a step in the slowest one.
        measured: number of steps that were measured.
        start: seconds from the start of the command to the first step: imports, images, compiling, extractor.
        occasions: what happens between steps. Empty on workers other than the first.
        memory: largest resident memory of this process so far, in bytes.
        gpu_memory: largest memory of TensorFlow on one GPU, in bytes; None without a GPU.
        checkpoint: bytes of a checkpoint.
        checkpoints: number of checkpoints that the folder holds at most at the same time.
        free: free bytes on the disk of the run folder.
        chief: whether this process is the first worker, or the only one.
    """

    recipe: str
    devices: str
    steps: int
    step: float
    fastest: float
    slowest: float
    measured: int
    start: float
    occasions: tuple[Occasion, ...]
    memory: int
    gpu_memory: int | None
    checkpoint: int
    checkpoints: int
    free: int
    chief: bool = True

    @property
    def seconds(self) -> float:
        """Seconds of the whole training: the start, all steps, and all that happens between them."""
        return self.start + self.steps * self.step + self._between

    @property
    def range(self) -> tuple[float, float]:
        """Seconds of the whole training if every step took as long as in the fastest group, and in the slowest."""
        rest = self.start + self._between
        return rest + self.steps * self.fastest, rest + self.steps * self.slowest

    @property
    def disk(self) -> int:
        """Bytes of the run folder at its largest."""
        return self.checkpoint * self.checkpoints + sum(one.times * one.bytes for one in self.occasions)

    @property
    def _between(self) -> float:
        return sum(one.times * one.seconds for one in self.occasions)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, in seconds and bytes."""
        lowest, highest = self.range
        return {
            "recipe": self.recipe,
            "devices": self.devices,
            "steps": self.steps,
            "seconds": self.seconds,
            "seconds_range": [lowest, highest],
            "start_seconds": self.start,
            "step_seconds": {
                "median": self.step,
                "fastest": self.fastest,
                "slowest": self.slowest,
                "steps": self.measured,
            },
            "between_steps": [
                {"what": one.name, "times": one.times, "seconds": one.seconds, "bytes": one.bytes}
                for one in self.occasions
            ],
            "memory_bytes": self.memory,
            "gpu_memory_bytes": self.gpu_memory,
            "disk_bytes": self.disk,
            "checkpoint_bytes": self.checkpoint,
            "checkpoints": self.checkpoints,
            "free_bytes": self.free,
        }


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
        prepared = prepare_run(held, recipe, plugins, folder, watcher, (), make_observers, check_space=False)
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
        occasions, checkpoint = self._occasions(start - WARM_UP * step) if self._devices.chief else ((), 0)
        # The others wait here for the first worker.
        self._devices.agree(0.0)
        if self._prepared.watch is not None:
            self._prepared.watch.end()
        return Estimate(
            recipe=self._prepared.recipe.name,
            devices=f"{self._devices}, {self._prepared.session.precision.precision}",
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
        prepared, first = self._prepared, self._state.steps_done
        begun = time.perf_counter()
        pixels, labels = prepared.session.batches(prepared.images, first, count)
        try:
            found = prepared.steps(pixels, labels, tf.constant(np.int64(first))).numpy()
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise RunError(
                f"{prepared.recipe.name}: out of memory in step {first + 1}: lower training.batch_size, or raise "
                "training.accumulate"
            ) from error
        self._metrics = {name: value for name, value in means(added(nothing(), found)).items() if np.isfinite(value)}
        return time.perf_counter() - begun, found

    def _occasions(self, start: float) -> tuple[tuple[Occasion, ...], int]:
        times, due = self._due_steps()
        at = self._state.steps_done
        found = [
            self._occasion("line of metrics", times["line"], lambda: self._recorder.metrics(at, self._metrics, 1.0)),
            self._occasion("sample grid", times["grid"], lambda: self._recorder.sample(at)),
        ]
        for name, step in due.items():
            found.append(self._occasion(name, times[name], lambda step=step: list(self._recorder.observe(step))))
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

    def _save(self) -> None:
        observers = {type(one).__name__: one.memory() for one in self._prepared.observers}
        memory = as_text({"observers": observers, "stop": "", "recipe": self._prepared.recipe_hash})
        save_checkpoint(self._run, self._state, self._training.keep, None, None, memory)

    def _due_steps(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return how often each occasion comes, and the first step of each that observers have."""
        training, observers = self._training, self._prepared.observers
        last, most = training.steps, min(training.steps, MOST_COUNTED)
        counts, due = dict.fromkeys(("line", "grid", "checkpoint"), 0), {}
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
