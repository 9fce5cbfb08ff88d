"""Kill training at chosen writes and at random moments, resume it, and compare the results bit for bit.

Usage: scripts/kills.py [--kills 300] [--seed 0] [--variants N,…] [--folder DIR]

Each variant is first trained without interruption. Then the script kills other runs of it with SIGKILL, one to four
times each: before or after the n-th rename, fsync, removal or opening of a file, in the middle of a line, or after a
random time. After each kill, the same training resumes. Its result must equal that of the uninterrupted run: every
array of every checkpoint, the manifest, the weights of finished generators, sample grids, metrics, findings and crash
bundles.

TensorFlow is imported once. Each training is a fork of this process, which runs no TensorFlow operation itself.
Exit status: 0 all results are equal, 1 a result differs, 2 a training failed.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.recipes.loading import LoadedRecipe, load_recipe

RECIPE = """version: 1
extends: dcgan
image: {{size: 8, channels: 1}}
latent: {{size: 4}}
generator:
  input: {{projection: {{use: dense, size: 4}}, filters: 4}}
discriminator:
  stages:
    - filters: 4
data: {{use: npz, path: {path}}}
training:
  precision: float32
  steps: 12
  batch_size: 4
  sample_grid: [2, 2]
  log_every: 3
  sample_every: 6
  checkpoint_every: 2
"""
DESCENT = """from dcgan_kit import component, hookimpl

@component("optimizer")
def descent(*, learning_rate: float = 0.01):
    \"\"\"Step against the gradient, at any rate.\"\"\"
    from keras import optimizers

    return optimizers.SGD(learning_rate)

@hookimpl
def dcgan_kit_components():
    return [descent]
"""
DROPOUT = (
    "discriminator.regularizer={use: dropout, rate: 0.3}",
    "generator.regularizer={use: gaussian_noise, stddev: 0.1}",
)
PROBES = "training.probing={every: 2, probes: [units, gradients, diversity, {use: drift, steps: 3}]}"
SCORES = "training.evaluation={every: 4, samples: 24, scores: [frechet, kid]}"
VARIANTS = {
    "float32": (),
    "bfloat16": ("training.precision=mixed_bfloat16",),
    "float16 with XLA": ("training.precision=mixed_float16", "training.xla=on"),
    "dropout and noise": DROPOUT,
    "ADA": ("training.augmentation={use: adaptive, kimg: 0.1, target: -1.0}",),
    "accumulation with R1": ("training.accumulate=2", "training.penalty={use: r1, every: 4}"),
    "in turn": ("training.updates=in_turn", "training.discriminator.updates=2"),
    "average, alternating": ("training.ema=0.9", "training.updates=alternating", "training.discriminator.updates=2"),
    "evaluation, probing, best score": (SCORES, PROBES, "training.held_out=0.25", "training.best.metric=fd", *DROPOUT),
    "best loss, keep 1": ("training.best.metric=generator_loss", "training.keep=1"),
    "recovery": (
        "training.optimizer={use: descent/descent, learning_rate: 1e15}", "training.recover={times: 5, rate: 1e-9}",
        "training.log_every=1", "training.ema=0.9",
    ),
}  # fmt: skip
MOST_KILLS_OF_A_RUN = 4


@dataclass
class Tally:
    """The results of a variant's runs."""

    events: int = 0
    seconds: float = 0.0
    runs: int = 0
    kills: int = 0
    at: dict[str, int] = field(default_factory=dict)
    different: list[str] = field(default_factory=list)


class Counter:
    """Counts the moments at which a file changes, and kills the process at moment number ``last``."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last

    def moment(self, half_done: Callable[[], None] = lambda: None) -> None:
        """Count a moment. At the last one, do a part of the change by ``half_done``, and kill the process."""
        self.count += 1
        if self.count == self._last:
            half_done()
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count two moments at each file operation of this process: before it and after it."""
        for name in ("replace", "rename", "fsync", "unlink", "open", "mkdir"):
            setattr(os, name, self._around(getattr(os, name)))
        from dcgan_kit.runs import metrics_writer

        append = metrics_writer.append_regular

        def torn(path: Path, content: bytes) -> None:
            self.moment(lambda: append(path, content[: len(content) // 2]))
            append(path, content)

        metrics_writer.append_regular = torn

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*values: Any, **named: Any) -> Any:
            self.moment()
            result = call(*values, **named)
            self.moment()
            return result

        return counted


class Silent:
    """A watcher of training that prints nothing."""

    def note(self, message: str) -> None:
        """Print nothing."""

    def preparation(self, task: str, done: int, total: int) -> None:
        """Print nothing."""

    def progress(self, step: int, metrics: Any) -> None:
        """Print nothing."""


def forked(loaded: LoadedRecipe, path: Path, last: int | None, seconds: float | None) -> tuple[int, int]:
    """Train in a child process. Return its exit status (negative for a signal) and its number of moments.

    The number of moments is 0 if the child did not end by itself.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 2
        try:
            status = _trained(loaded, path, last, writing)
        except UserError as error:
            print(f"{path}: {error}", file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if until is not None and time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            until = None
        time.sleep(0.002)
    with os.fdopen(reading) as stream:
        count = stream.read()
    return os.waitstatus_to_exitcode(status), int(count or 0)


def _trained(loaded: LoadedRecipe, path: Path, last: int | None, writing: int) -> int:
    from dcgan_kit.evaluation.observer import observers_of
    from dcgan_kit.runs.recipe_differences import finished_message
    from dcgan_kit.training.loop import train

    counter = Counter(last)
    counter.watch()
    # A kill can come when the run is complete. The command checks this in the same way.
    if not finished_message(path, loaded.recipe):
        train(loaded.recipe, loaded.plugins, path, Silent(), (), observers_of)
    os.write(writing, str(counter.count).encode())
    return 0


def differences(one: Path, other: Path) -> list[str]:
    """Return the files of two finished runs that differ, bit for bit. Times and TensorBoard files do not count."""
    names = [{str(file.relative_to(run)) for file in _files(run)} for run in (one, other)]
    found = [f"only one has {name}" for name in sorted(names[0] ^ names[1])]
    return found + [name for name in sorted(names[0] & names[1]) if _bits(one / name) != _bits(other / name)]


def _files(run: Path) -> list[Path]:
    return [
        file
        for file in run.rglob("*")
        if file.is_file() and file.name != "speed.jsonl" and "tensorboard" not in file.relative_to(run).parts
    ]


def _bits(file: Path) -> Any:
    content = file.read_bytes()
    if file.suffix == ".npz":
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: (arrays[name].dtype.str, arrays[name].shape, arrays[name].tobytes()) for name in arrays.files}
    if file.suffix == ".keras":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
            arrays = {}
            weights.visititems(
                lambda name, item: arrays.update({name: item[()].tobytes()}) if hasattr(item, "dtype") else None
            )
            return archive.read("config.json"), arrays
    return content


def killed(loaded: LoadedRecipe, path: Path, straight: Path, tally: Tally, most: int, chance: random.Random) -> None:
    """Train one run, kill it up to ``most`` times, and compare it with the uninterrupted run."""
    tally.runs += 1
    for _ in range(most):
        at_a_write = chance.random() < 0.6
        last = chance.randint(1, tally.events) if at_a_write else None
        seconds = None if at_a_write else chance.uniform(0.0, tally.seconds)
        status, _ = forked(loaded, path, last, seconds)
        if status == 0:
            break
        if status != -signal.SIGKILL:
            raise SystemExit(2)
        tally.kills += 1
        place = "writes" if at_a_write else "moments"
        tally.at[place] = tally.at.get(place, 0) + 1
    else:
        status, _ = forked(loaded, path, None, None)
        if status:
            raise SystemExit(2)
    tally.different += [f"{path}: {name}" for name in differences(straight, path)]


def main() -> int:
    """Kill runs as often as the command line asks, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", default=",".join(f"{n}" for n in range(len(VARIANTS))), metavar="N,…",
                        help="numbers of variants, from 0: " + ", ".join(VARIANTS))  # fmt: skip
    parser.add_argument("--folder", type=Path, help="where runs are kept; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [list(VARIANTS)[int(number)] for number in arguments.variants.split(",")]
        return _compared(chosen, arguments.kills, random.Random(arguments.seed), folder)


def _compared(chosen: list[str], kills: int, chance: random.Random, folder: Path) -> int:
    np.savez(folder / "noise.npz", x=np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8))
    (folder / "recipe.yaml").write_text(RECIPE.format(path=folder / "noise.npz"))
    (folder / "plugins").mkdir(exist_ok=True)
    (folder / "plugins" / "descent.py").write_text(DESCENT)
    settings = PluginSettings(folders=(folder / "plugins",))
    loaded = {name: load_recipe(str(folder / "recipe.yaml"), VARIANTS[name], settings) for name in chosen}
    # Import here once, so that child processes do not need to.
    import dcgan_kit.evaluation.observer
    import dcgan_kit.training.loop  # noqa: F401

    tallies = {name: Tally() for name in chosen}
    for number, name in enumerate(chosen):
        before = time.monotonic()
        status, tallies[name].events = forked(loaded[name], folder / f"{number}-straight", None, None)
        tallies[name].seconds = time.monotonic() - before
        if status:
            return 2
        print(f"{name}: straight, {tallies[name].seconds:.1f} s, {tallies[name].events} moments", flush=True)
    done = 0
    while done < kills:
        for number, name in enumerate(chosen):
            if done >= kills:
                break
            tally, before = tallies[name], tallies[name].kills
            most = min(chance.randint(1, MOST_KILLS_OF_A_RUN), kills - done)
            killed(loaded[name], folder / f"{number}-{tally.runs}", folder / f"{number}-straight", tally, most, chance)
            done += tally.kills - before
            wrong = sum(len(one.different) for one in tallies.values())
            print(
                f"{done} of {kills} kills, {sum(one.runs for one in tallies.values())} runs, {wrong} files differ",
                flush=True,
            )
    print(f"{'variant':34} {'runs':>5} {'kills':>6} {'writes':>7} {'moments':>8} {'differ':>7}")
    for name, tally in tallies.items():
        places = [tally.at.get(place, 0) for place in ("writes", "moments")]
        print(f"{name:34} {tally.runs:5} {tally.kills:6} {places[0]:7} {places[1]:8} {len(tally.different):7}")
    for line in (line for tally in tallies.values() for line in tally.different):
        print(line)
    return 1 if any(tally.different for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
