"""Loads an exported model in a process of its own, which knows nothing of this one, and compares its images."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError
from dcgan_kit.exports.snippet import Snippet

SECONDS = 900
"""After this time, loading a model has failed. A usual generator takes seconds."""
MOST_LEVELS = 1
"""Greatest difference of grey levels that passes. Sums in another order may round a pixel to the other side of a half;
a wrong graph differs by far more."""
MOST_LEVELS_ROUNDED = 8
"""The same for weights that are rounded to float16. Their relative error is 2⁻¹² at most."""
_MOST_OUTPUT = 2000


@dataclass(frozen=True)
class Difference:
    """How images of an exported model differ from those of the generator.

    Attributes:
        levels: greatest difference of a pixel, in grey levels of 0 … 255.
        share: share of the pixels that differ.
        images: number of images that were compared.
    """

    levels: int
    share: float
    images: int

    def __str__(self) -> str:
        compared = f"{self.images} images from a fresh process"
        if not self.levels:
            return f"no pixel of {compared} differs"
        unit = "grey level" if self.levels == 1 else "grey levels"
        return f"{self.share:.3%} of the pixels of {compared} differ, by {self.levels} {unit} at most"


def compare(
    code: Snippet, folder: Path, inputs: Mapping[str, Any], expected: Any, most: int = MOST_LEVELS
) -> Difference:
    """Run a program in a process of its own, and compare its images with others.

    The process computes on the CPU. A GPU that this process uses may have no memory left, and rounds in another way.

    Args:
        code: the program.
        folder: where it runs.
        inputs: the arrays that it uses in place of those that it would draw.
        expected: uint8 (N, H, W, C).
        most: greatest difference that passes, in grey levels.

    Raises:
        UserError: the model cannot be loaded, or its images differ by more.
    """
    images = _images(code, folder, inputs)
    if images.shape != expected.shape or images.dtype != expected.dtype:
        raise UserError(
            f"the exported model returns {images.dtype} {images.shape}, and the generator {expected.dtype} "
            f"{expected.shape}; nothing is written"
        )
    levels = np.abs(images.astype(np.int16) - expected.astype(np.int16))
    found = Difference(int(levels.max()), float((levels > 0).mean()), len(expected))
    if found.levels > most:
        raise UserError(
            f"the exported model makes other images than the generator: {found}. Rounding explains {most} at "
            "most. Nothing is written"
        )
    return found


def _images(code: Snippet, folder: Path, inputs: Mapping[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch, "inputs.npz"), Path(scratch, "images.npy")
        np.savez(given, allow_pickle=False, **inputs)
        program = "\n".join(
            (
                code.imports,
                f"given = np.load({str(given)!r})",
                *(f"{name} = given[{name!r}]" for name in inputs),
                code.call,
                f"np.save({str(made)!r}, images, allow_pickle=False)",
            )
        )
        _run(program, folder)
        return np.load(made, allow_pickle=False)


def _run(program: str, folder: Path) -> None:
    quiet = {
        "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow", "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # fmt: skip
    try:
        # -P: Python must not import from the folder, which is the user's.
        ended = subprocess.run(
            [sys.executable, "-P", "-c", program], cwd=folder, env=os.environ | quiet, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UserError(f"the exported model was not loaded within {SECONDS} seconds; nothing is written") from error
    if ended.returncode != 0:
        raise UserError(
            f"the exported model cannot be loaded in a fresh process (exit status {ended.returncode}); nothing is "
            f"written. The process says:\n{ended.stdout.strip()[-_MOST_OUTPUT:]}"
        )
