"""Memory and time to evaluate 50,000 images of 64x64x3 against 50,000 real images.

Usage: python benchmarks/evaluation_memory.py [--images N] [--scores NAMES]

Samples come in batches, as from a generator. The real images are in a memory-mapped file. The peak counts only the
private memory of the process: the system can free pages of the mapped file at any time, so they do not count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from private_memory import Peak

from dcgan_kit import Images
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.evaluation.evaluator import Evaluator, split_reference
from dcgan_kit.evaluation.features import BATCH
from dcgan_kit.evaluation.selection import build_extractor, build_score, choice_of
from dcgan_kit.process.tensorflow_startup import start_tensorflow

SHAPE = (64, 64, 3)
SCORES = "frechet,kid,spectrum,checkerboard,ndb,density_coverage"


def main() -> None:
    """Print the peak memory at the end of each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--scores", default=SCORES)
    arguments = parser.parse_args()
    start_tensorflow()
    peak = Peak()
    peak.start()
    registry = load_builtins().registry
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DCGAN_KIT_CACHE"] = folder
        pixels = np.lib.format.open_memmap(Path(folder, "real.npy"), "w+", np.uint8, (2 * arguments.images, *SHAPE))
        for start in range(0, len(pixels), BATCH):
            pixels[start : start + BATCH] = _drawn(start, len(pixels[start : start + BATCH]))
        reals = split_reference(Images(pixels), None, "real")
        extractor = build_extractor(choice_of("extractor", "random_convolution", registry), reals.training)
        scores = [build_score(choice_of("score", name, registry)) for name in arguments.scores.split(",")]
        _report(peak, "before anything")
        start_time = time.perf_counter()
        evaluator = Evaluator(reals, extractor, scores, arguments.images)
        _report(peak, f"real images read, after {time.perf_counter() - start_time:.0f} s")
        numbers = evaluator.evaluate(_samples(arguments.images))
        _report(
            peak,
            f"{len(numbers)} numbers of {arguments.images:,} samples, after {time.perf_counter() - start_time:.0f} s",
        )


def _samples(count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, BATCH):
        yield _drawn(2**30 + start, min(BATCH, count - start))


def _drawn(seed: int, count: int) -> np.ndarray:
    """Return images of 4x4 random colour blocks, so that images differ."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3))
    return colours.repeat(16, axis=1).repeat(16, axis=2).astype(np.uint8)


def _report(peak: Peak, moment: str) -> None:
    print(f"{moment}: {peak.bytes / 2**20:,.0f} MiB at most", flush=True)


if __name__ == "__main__":
    main()
