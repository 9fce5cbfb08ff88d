"""The folder of one run: the path of each file, and how a file in it is written."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.files import write_whole
from dcgan_kit.runs.environment import ENVIRONMENT
from dcgan_kit.runs.write_errors import writing

RECIPE = "recipe.yaml"
METRICS = "metrics.jsonl"
SPEED = "speed.jsonl"
FINDINGS = "findings.jsonl"
SKIPPED = "skipped.txt"
GENERATOR = "generator.keras"
RAW_GENERATOR = "generator-raw.keras"
START = "start.json"
START_WEIGHTS = "start.npz"
END = "end.json"
MAX_LINE_BYTES = 2**20
"""Most bytes of a line in a file of metrics or findings; training writes no longer ones."""
LOCK = "lock"
"""An empty file that a training locks while it runs. It stays, unless a training is refused before its first file."""

WRITTEN = (
    RECIPE,
    ENVIRONMENT,
    METRICS,
    SPEED,
    FINDINGS,
    SKIPPED,
    GENERATOR,
    RAW_GENERATOR,
    START,
    START_WEIGHTS,
    END,
)
"""Files that a training writes into its folder; it raises before it begins if one of them is not an ordinary file."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe, with all defaults."""
        return self.path / RECIPE

    @property
    def metrics_file(self) -> Path:
        """Metrics: one JSON object per line, one line every ``log_every`` steps."""
        return self.path / METRICS

    @property
    def findings_file(self) -> Path:
        """Findings of probes with their steps, one JSON object per line."""
        return self.path / FINDINGS

    @property
    def speed_file(self) -> Path:
        """Training speed, which differs from run to run: one JSON object per line."""
        return self.path / SPEED

    @property
    def skipped_file(self) -> Path:
        """A line for each image that could not be read, and for each reason why others were left out."""
        return self.path / SKIPPED

    @property
    def generator_file(self) -> Path:
        """The final generator, a Keras model."""
        return self.path / GENERATOR

    @property
    def start_file(self) -> Path:
        """Where the weights before the first step come from, if another run gave them."""
        return self.path / START

    @property
    def start_weights_file(self) -> Path:
        """Those weights."""
        return self.path / START_WEIGHTS

    @property
    def end_file(self) -> Path:
        """Why training ended before its last step, if it did and is complete."""
        return self.path / END

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def manifest_file(self) -> Path:
        """The list of checkpoints, oldest first, each with its step, size and checksum."""
        return self.checkpoints / "manifest.json"

    @property
    def environment_file(self) -> Path:
        """Versions, plugins and devices at the start of the run; its current precision, XLA and number of images."""
        return self.path / ENVIRONMENT

    @property
    def raw_generator_file(self) -> Path:
        """The final generator without averaging, if the recipe keeps an average."""
        return self.path / RAW_GENERATOR

    @property
    def crashes(self) -> Path:
        """The folder of crash bundles: saved steps that made numbers that are not finite."""
        return self.path / "crashes"

    @property
    def samples(self) -> Path:
        """The folder of sample grids."""
        return self.path / "samples"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def finished(self) -> bool:
        """Whether training is complete: it reached its last step, or a callback or a finding ended it."""
        return self.generator_file.exists()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file atomically.

        Raises:
            RunError: the disk is full, the folder cannot be written, or the path is not an ordinary file.
        """
        with writing(path):
            write_whole(path, content)

    def require_ordinary(self, *names: str) -> None:
        """Check that existing files of the run are ordinary files, and its folders are folders; links are not allowed.

        Args:
            names: names of the files to check; folders are always checked.

        Raises:
            RunError: one of them is something else.
        """
        with writing(self.path):
            for folder in (self.checkpoints, self.samples, self.tensorboard, self.crashes):
                self._require(folder, stat.S_ISDIR, "folder")
            for name in names:
                self._require(self.path / name, stat.S_ISREG, "file")

    def _require(self, path: Path, fits: Callable[[int], bool], kind: str) -> None:
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
        if not fits(mode):
            found = "a link" if stat.S_ISLNK(mode) else f"not an ordinary {kind}"
            raise RunError(f"{path}: is {found}. A run needs a {kind} of its own there: restore it, or remove {path}")
