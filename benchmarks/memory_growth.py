"""Memory growth of a long training: the slope of the private memory of the process over the steps.

Usage: python benchmarks/memory_growth.py [--steps N] [--log-every N] [--evaluate-every N] [--probe-every N]

The network is tiny, so that many steps are logged in little time. The slope does not count the first fifth of the
steps, in which allocators and caches fill up. The script prints the memory during training, and the slope in KiB per
1,000 steps by least squares.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.process.tensorflow_startup import start_tensorflow
from dcgan_kit.recipes.loading import load_recipe

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
training: {{precision: float32, batch_size: 4, held_out: 0.25, sample_grid: [2, 2], sample_every: 1000000}}
"""
POINTS = 50


class Gauge:
    """A watcher of training that measures the memory of the process about ``POINTS`` times."""

    def __init__(self, steps: int) -> None:
        self.every = max(1, steps // POINTS)
        self.steps: list[int] = []
        self.bytes: list[int] = []
        self._began = time.perf_counter()

    def note(self, message: str) -> None:
        """Print nothing."""

    def preparation(self, task: str, done: int, total: int) -> None:
        """Print nothing."""

    def progress(self, step: int, metrics: Any) -> None:
        """Measure the memory, and print it."""
        if not self.steps or step >= self.steps[-1] + self.every:
            self.steps.append(step)
            self.bytes.append(_resident())
            seconds = time.perf_counter() - self._began
            print(f"step {step:8,}: {self.bytes[-1] / 2**20:8.1f} MiB, {seconds:5.0f} s", flush=True)

    def slope(self) -> float:
        """Return the growth in KiB per 1,000 steps, without the first fifth of the steps."""
        first = len(self.steps) // 5
        return float(np.polyfit(self.steps[first:], self.bytes[first:], 1)[0]) * 1000 / 2**10


def _resident() -> int:
    """Return the bytes of private memory of this process."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Train, and print the memory and its slope."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--log-every", type=int, default=10)
    parser.add_argument("--checkpoint-every", type=int, default=1000)
    parser.add_argument("--evaluate-every", type=int, default=0, help="0: never")
    parser.add_argument("--probe-every", type=int, default=0, help="0: never")
    arguments = parser.parse_args()
    start_tensorflow()
    from dcgan_kit.evaluation.observer import observers_of
    from dcgan_kit.training.loop import train

    overrides = [
        f"training.steps={arguments.steps}",
        f"training.log_every={arguments.log_every}",
        f"training.checkpoint_every={arguments.checkpoint_every}",
        f"training.evaluation.every={arguments.evaluate_every or arguments.steps * 2}",
        "training.evaluation.samples=24",
        f"training.evaluation.scores={'[frechet, kid, spectrum]' if arguments.evaluate_every else '[]'}",
    ]
    if arguments.probe_every:
        overrides.append(f"training.probing={{every: {arguments.probe_every}, probes: [units, gradients, diversity]}}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DCGAN_KIT_CACHE"] = folder
        pixels = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
        np.savez(Path(folder, "noise.npz"), x=pixels)
        Path(folder, "recipe.yaml").write_text(RECIPE.format(path=Path(folder, "noise.npz")), encoding="utf-8")
        loaded = load_recipe(str(Path(folder, "recipe.yaml")), tuple(overrides), PluginSettings())
        gauge = Gauge(arguments.steps)
        train(loaded.recipe, loaded.plugins, Path(folder, "run"), gauge, (), observers_of)
    print(f"{gauge.slope():+.1f} KiB per 1,000 steps")


if __name__ == "__main__":
    main()
