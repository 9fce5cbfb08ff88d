"""The cost of a run besides its steps: host work, memory, checkpoints, start-up; and how the time of a step grows.

    python benchmarks/overhead.py                      # the default recipe, about 3 minutes
    python benchmarks/overhead.py --growth             # and how steps grow with batch, size, width and images

The share of the host is measured inside one real training. It compares the time of compiled steps with the total time
from the first progress report to the last. The total includes metrics, sample grids, checkpoints and reading of images.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GROWTH: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "batch": tuple((str(n), (f"training.batch_size={n}",)) for n in (16, 32, 64, 128, 256)),
    "size": tuple(
        (f"{4 * n}x{4 * n}", (f"image.size={4 * n}", f"generator.input.projection.size={n}")) for n in (4, 7, 14, 28)
    ),
    "width": tuple(
        (
            f"x{n}",
            (
                f"generator.input.filters={128 * n}",
                f"generator.stages.0.filters={64 * n}",
                f"discriminator.stages.0.filters={32 * n}",
                f"discriminator.stages.1.filters={64 * n}",
                f"discriminator.stages.2.filters={128 * n}",
            ),
        )
        for n in (1, 2, 4)
    ),
}
IMAGES = (4_000, 40_000, 400_000)


def _train(recipe: str, steps: int) -> dict[str, float]:
    """Train in this process and return how long each part took."""
    started = time.perf_counter()
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.evaluation.observer import observers_of
    from dcgan_kit.recipes.loading import load_recipe
    from dcgan_kit.training import loop, saver
    from dcgan_kit.training.run_recorder import Recorder

    spent: list[tuple[float, float]] = []
    saves: list[float] = []

    def timed(steps: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = steps(*arguments)
            result.numpy()
            spent.append((start, time.perf_counter()))
            return result

        return call

    compile_, save = Session.compile, saver.save_checkpoint
    Session.compile = lambda self: timed(compile_(self))  # type: ignore[method-assign]

    def saved(*arguments: Any) -> Any:
        start = time.perf_counter()
        path = save(*arguments)
        saves.append(time.perf_counter() - start)
        return path

    saver.save_checkpoint = saved
    observations: list[tuple[float, float]] = []
    observe = Recorder.observe

    def observed(self: Recorder, step: int) -> Iterator[Any]:
        start = time.perf_counter()
        yield from list(observe(self, step))
        observations.append((start, time.perf_counter()))

    Recorder.observe = observed  # type: ignore[method-assign]

    class Watcher:
        marks: list[float] = []  # noqa: RUF012

        def note(self, message: str) -> None:
            print(message, file=sys.stderr)

        def preparation(self, task: str, done: int, total: int) -> None:
            pass

        def progress(self, step: int, metrics: object) -> None:
            self.marks.append(time.perf_counter())

    watcher = Watcher()
    loaded = load_recipe(recipe, (f"training.steps={steps}",), PluginSettings(builtins_only=True))
    with tempfile.TemporaryDirectory() as folder:
        outcome = loop.train(loaded.recipe, loaded.plugins, Path(folder) / "run", watcher, make_observers=observers_of)
        size = max(file.stat().st_size for file in outcome.run.checkpoints.glob("*.npz"))
    first, last = watcher.marks[0], watcher.marks[-1]
    inside, observing = (
        sum(end - begin for begin, end in times if first <= begin < last) for times in (spent, observations)
    )
    return {
        "steps": steps,
        "seconds": last - first,
        "host_share": (last - first - observing - inside) / (last - first - observing),
        "observers_share": observing / (last - first - observing),
        "seconds_to_first_progress": first - started,
        "checkpoint_seconds": statistics.median(saves),
        "checkpoint_mb": size / 1e6,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def _step_ms(overrides: tuple[str, ...], images: int) -> tuple[float, float]:
    """Return the median milliseconds of a step, and of reading its images."""
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.contracts.training import Images
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.recipes.loading import load_recipe

    recipe = load_recipe("lecture-fashion28", overrides, PluginSettings(builtins_only=True)).recipe
    session = Session.create(recipe)
    shape = (images, *recipe.image.shape)
    held, steps = Images(np.random.default_rng(0).integers(0, 256, shape, np.uint8)), session.compile()
    times, reading = [], []
    for number in range(12):
        start = time.perf_counter()
        batches = session.batches(held, number, 1)
        read = time.perf_counter()
        steps(*batches, tf.constant(number, tf.int64)).numpy()
        times.append(1e3 * (time.perf_counter() - read))
        reading.append(1e3 * (read - start))
    return statistics.median(times[2:]), statistics.median(reading[2:])


def _growth() -> Iterator[tuple[str, str, str, str]]:
    for quantity, cases in GROWTH.items():
        for label, overrides in cases:
            step, reading = _step_ms(overrides, 4_000)
            yield quantity, label, f"{step:.1f}", f"{reading:.2f}"
    for images in IMAGES:
        step, reading = _step_ms((), images)
        yield "images", f"{images:,}", f"{step:.1f}", f"{reading:.2f}"


def main() -> None:
    """Measure, print the tables, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="lecture-fashion28")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_train(arguments.recipe, arguments.steps)))
        return
    # A process of its own: its memory and its start are those of a user's training.
    command = [sys.executable, __file__, "--child", "--recipe", arguments.recipe, "--steps", str(arguments.steps)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    facts = json.loads(run.stdout.splitlines()[-1])
    print("| quantity | value |\n| --- | --- |")
    print(f"| metrics, grids, checkpoints and data, share of the time | {100 * facts['host_share']:.1f} % |")
    print(f"| scores and probes, by the time of all else | {100 * facts['observers_share']:.1f} % |")
    print(f"| from start to first progress | {facts['seconds_to_first_progress']:.1f} s |")
    print(f"| a checkpoint | {1e3 * facts['checkpoint_seconds']:.0f} ms, {facts['checkpoint_mb']:.1f} MB |")
    print(f"| peak memory | {facts['peak_memory_mb']:.0f} MB |")
    rows: list[tuple[str, str, str, str]] = []
    if arguments.growth:
        from dcgan_kit.process.tensorflow_startup import start_tensorflow

        start_tensorflow()
        print("\n| quantity | value | ms a step | ms to read its images |\n| --- | --- | --- | --- |")
        for row in _growth():
            rows.append(row)
            print("| " + " | ".join(row) + " |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"run": facts, "growth": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
