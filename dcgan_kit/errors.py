"""Every error that dcgan-kit raises on purpose.

    DcganKitError
    ├── TrainingStopped      a signal stopped a training; a checkpoint is saved: exit status 75 or 130
    ├── WorkerFailed         a worker of a launched training failed: the worker's exit status
    └── UserError            the user's input is wrong: exit status 2, no traceback
        ├── RecipeError      a recipe has problems; lists all of them
        ├── ComponentError   a component broke its contract; names its owner
        ├── PluginError      a plugin that is needed is missing, broken or blocked
        ├── DataError        images are missing or cannot be read
        └── RunError         a run folder cannot be used or written

Any other error that reaches the user is a bug in dcgan-kit.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class DcganKitError(Exception):
    """The base class of all errors that dcgan-kit raises on purpose."""


class UserError(DcganKitError):
    """The user's input is wrong; the message says what, where and what to do."""


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a text: ``source:line:column``, lines and columns counted from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a recipe: where, under which dotted key, and what to do."""

    mark: Mark
    key: str
    message: str

    def __str__(self) -> str:
        key = printable(self.key).replace("\n", "\\n")
        return f"{self.mark}: {key}: {self.message}" if key else f"{self.mark}: {self.message}"


class RecipeError(UserError):
    """A recipe has problems. ``problems`` has all of them, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def collect_problems(*steps: Callable[[], Any]) -> list[Any]:
    """Run every step and return the results.

    Raises:
        RecipeError: one or more steps failed; it has the problems of all of them, not only of the first.
    """
    results: list[Any] = []
    problems: list[Problem] = []
    for step in steps:
        try:
            results.append(step())
        except RecipeError as error:
            problems.extend(error.problems)
    if problems:
        raise RecipeError(problems)
    return results


class TrainingStopped(DcganKitError):
    """A signal stopped a training. A checkpoint is saved, and the same call continues from there.

    Attributes:
        folder: the run folder.
        step: number of finished steps.
        signal: the signal.
    """

    def __init__(self, folder: Path, step: int, number: signal.Signals) -> None:
        super().__init__(
            f"stopped after step {step} by {number.name}, saved in {folder}; the same call goes on from there"
        )
        self.folder, self.step, self.signal = folder, step, number


class TrainingDiverged(UserError):
    """A training ended because numbers are not finite. Its last good checkpoint is saved."""


class WorkerFailed(DcganKitError):
    """A worker of a launched training failed. The worker itself printed the reason.

    Attributes:
        folder: the run folder.
        status: the worst exit status of all workers; 128 + N means that signal N killed a worker.
    """

    def __init__(self, folder: Path, status: int) -> None:
        super().__init__(f"{folder}: a worker ended with exit status {status}, and printed the reason")
        self.folder, self.status = folder, status


class ComponentError(UserError):
    """A component raised an error or broke the contract of its kind.

    Attributes:
        path: the place in the recipe that chooses the component; empty if unknown.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class PluginError(UserError):
    """A plugin that is needed cannot be used."""


class DataError(UserError):
    """Images are missing, cannot be read, or do not fit the recipe."""


class RunError(UserError):
    """A run folder cannot be created, continued or read."""


def printable(text: str) -> str:
    """Escape control characters, which untrusted text may contain and a terminal would obey. Line ends stay."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text
    )


def counted(count: int, noun: str) -> str:
    """Return ``1 key`` or ``1,200 keys``. The noun's plural must end in s; an adjective may stand before the noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


SYNONYMS = {
    # Scores, losses and penalties, by the names of papers and of other code.
    "fid": ("frechet", "fd"),
    "fd": ("frechet",),
    "is": ("classifier_score",),
    "inception_score": ("classifier_score",),
    "mmd": ("kid",),
    "prdc": ("density_coverage",),
    "bce": ("non_saturating",),
    "gan": ("non_saturating",),
    "vanilla": ("non_saturating",),
    "lsgan": ("least_squares",),
    "mse": ("least_squares",),
    "wgan": ("wasserstein",),
    "wgan_gp": ("gradient_penalty", "wasserstein"),
    "gp": ("gradient_penalty",),
    "ragan": ("relativistic_average",),
    "rgan": ("relativistic_paired",),
    "rpgan": ("relativistic_paired",),
    # Layers.
    "bn": ("batch",),
    "ln": ("layer",),
    "gn": ("group",),
    "in": ("instance",),
    "sn": ("spectral",),
    "lrelu": ("leaky_relu",),
    "swish": ("silu",),
    "conv2d_transpose": ("transposed_conv",),
    "deconv": ("transposed_conv",),
    "deconvolution": ("transposed_conv",),
    "subpixel": ("pixel_shuffle",),
    "depth_to_space": ("pixel_shuffle",),
    "avgpool": ("average_pool", "average_pool_dense"),
    "mbstd": ("minibatch_stddev",),
    "xavier": ("glorot_uniform",),
    "xavier_uniform": ("glorot_uniform",),
    "xavier_normal": ("glorot_normal",),
    "kaiming": ("he_normal",),
    "kaiming_normal": ("he_normal",),
    "gaussian": ("normal",),
    # Data, augmentation.
    "folder": ("images",),
    "directory": ("images",),
    "zip": ("image_zip",),
    "hf": ("hugging_face",),
    "mnist": ("keras_dataset",),
    "cifar10": ("keras_dataset",),
    "ada": ("adaptive",),
    # Keys and options.
    "norm": ("normalization",),
    "act": ("activation",),
    "init": ("initializer",),
    "aug": ("augmentation",),
    "lr": ("learning_rate",),
    "rate": ("learning_rate",),
    "alpha": ("negative_slope",),
    "slope": ("negative_slope",),
    "channels": ("filters",),
    "amp": ("mixed_float16",),
    "fp16": ("mixed_float16",),
    "bf16": ("mixed_bfloat16",),
    "fp32": ("float32",),
}
"""Common names in the field → names in dcgan-kit, where similar spelling alone would not find the right one."""


MOST_BESIDE = 5
"""Most known words that a message lists beside another suggestion."""


def did_you_mean(word: str, known: Iterable[str], elsewhere: str = "") -> str:
    """Return `` Did you mean 'x'?`` for the most similar known word, or for ``elsewhere``; else list the known words.

    Beside ``elsewhere`` it lists the known words too, if they are few.

    A name in ``SYNONYMS`` comes before similar spelling.
    """
    name, colon, value = word.partition(":")
    if colon:
        return f" YAML needs a space after a colon: '{name}: {value}'."
    candidates = sorted(known)
    synonyms = [name for name in SYNONYMS.get(word.lower().replace("-", "_"), ()) if name in candidates]
    near = (
        synonyms
        or get_close_matches(word, candidates, n=1, cutoff=0.6)
        or get_close_matches(word.lower(), candidates, n=1)
    )
    if near:
        return f" Did you mean {near[0]!r}?"
    if elsewhere:
        here = f" Known here: {', '.join(candidates)}." if len(candidates) <= MOST_BESIDE else ""
        return f" Did you mean {elsewhere!r}?{here}"
    return f" Known: {', '.join(candidates)}." if candidates else ""
