"""Checks that a recipe resumes exactly: N steps, a kill and N more steps give the same bits as 2N steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RunError, UserError, counted
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.runs.environment import ENVIRONMENT, choice_so_far


@dataclass(frozen=True)
class Difference:
    """A variable that differs between the two runs.

    Attributes:
        name: name of the variable.
        count: how many of its numbers differ.
        largest: largest absolute difference.
    """

    name: str
    count: int
    largest: float


@dataclass(frozen=True)
class Verdict:
    """The result of the comparison.

    Attributes:
        variables: how many variables were compared.
        numbers: how many numbers they hold.
        differences: the variables that are not equal.
    """

    variables: int
    numbers: int
    differences: tuple[Difference, ...]


def verify_resume(
    reference: str,
    overrides: tuple[str, ...],
    settings: PluginSettings,
    steps: int,
    folder: Path,
    report: Callable[[str], None],
) -> Verdict:
    """Train a recipe without a stop, and once more with a kill in the middle; each training has its own process.

    Args:
        reference: name or path of the recipe.
        overrides: ``dotted.key=VALUE`` texts.
        settings: which plugins may be loaded.
        steps: N; each run has 2N steps.
        folder: folder for both runs.
        report: receives progress messages.

    Raises:
        UserError: one of the trainings failed; the message says why.
    """
    own_overrides: tuple[str, ...] = (
        f"training.steps={2 * steps}",
        f"training.checkpoint_every={steps}",
        f"training.sample_every={2 * steps}",
        f"training.log_every={steps}",
    )
    # Loading the recipe here reports its errors once, before any training starts.
    load_recipe(reference, (*overrides, *own_overrides), settings)
    straight, resumed = folder / "straight", folder / "resumed"
    report(f"training {counted(2 * steps, 'step')} without a stop")
    _train(straight, reference, (*overrides, *own_overrides), settings, None)
    # A comparison of its own could choose otherwise in the second run.
    own_overrides += _chosen(straight)
    report(f"training {counted(steps, 'step')}, and killing the process in step {steps + 1}")
    _train(resumed, reference, (*overrides, *own_overrides), settings, steps)
    if not (resumed / "checkpoints" / f"step-{steps:09d}.npz").exists():
        raise RunError(f"{resumed}: holds no checkpoint of step {steps}: the training was not stopped where it should")
    report(f"the same command again, from step {steps}")
    _train(resumed, reference, (*overrides, *own_overrides), settings, None)
    last = Path("checkpoints") / f"step-{2 * steps:09d}.npz"
    return _compared(straight / last, resumed / last)


def _chosen(run: Path) -> tuple[str, ...]:
    """Return overrides that let another run compute its steps as this one."""
    chosen = choice_so_far(run)
    if chosen is None or chosen.precision is None or chosen.xla is None:
        raise RunError(f"{run / ENVIRONMENT}: does not say how the steps were computed")
    return f"training.precision={chosen.precision}", f"training.xla={'on' if chosen.xla else 'off'}"


def _train(path: Path, reference: str, overrides: tuple[str, ...], settings: PluginSettings, kill: int | None) -> None:
    # A new process, so that nothing in memory passes from one training to the next.
    request = {
        "path": str(path),
        "reference": reference,
        "overrides": overrides,
        "folders": [str(folder) for folder in settings.folders],
        "blocked": sorted(settings.blocked),
        "builtins_only": settings.builtins_only,
        "strict": settings.strict,
        "kill": kill,
    }
    process = subprocess.run(
        # -P: Python must not import files of the working directory as modules.
        [sys.executable, "-P", "-c", f"from {__name__} import train_as_requested; train_as_requested()"],
        input=json.dumps(request),
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != (0 if kill is None else -signal.SIGKILL):
        reason = process.stderr.strip().splitlines()[-1:] or [f"it ended with status {process.returncode}"]
        raise UserError(f"training in {path} failed, so that nothing can be compared: {reason[0]}")


def train_as_requested() -> None:
    """Train as the JSON on standard input says, and kill this process after the step that it names."""
    request = json.load(sys.stdin)
    folders = tuple(Path(folder) for folder in request["folders"])
    settings = PluginSettings(folders, frozenset(request["blocked"]), request["builtins_only"], request["strict"])
    loaded = load_recipe(request["reference"], request["overrides"], settings)
    from dcgan_kit.training.loop import train

    try:
        train(loaded.recipe, loaded.plugins, Path(request["path"]), _Killer(request["kill"]))
    except UserError as error:
        raise SystemExit(" ".join(str(error).split())) from error


class _Killer:
    def __init__(self, after: int | None) -> None:
        self._after = after

    def note(self, message: str) -> None:
        """Do nothing."""

    def preparation(self, task: str, done: int, total: int) -> None:
        """Do nothing."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Kill the process once it has done a step after the checkpoint."""
        if self._after is not None and step > self._after:
            os.kill(os.getpid(), signal.SIGKILL)


def _compared(one: Path, other: Path) -> Verdict:
    for path in (one, other):
        if not path.is_file():
            raise RunError(
                f"{path}: is not there, so that nothing can be compared: a callback ended training early, or training "
                "went back to an earlier step because numbers were not finite"
            )
    with np.load(one, allow_pickle=False) as first, np.load(other, allow_pickle=False) as second:
        names = [name for name in first.files if not name.startswith("meta/")]
        if set(first.files) != set(second.files):
            raise RunError(f"{one} and {other} hold different variables")
        numbers, differences = 0, []
        for name in names:
            a, b = first[name], second[name]
            numbers += a.size
            # Bytes are compared, so -0.0 differs from 0.0, and NaNs with different bits differ.
            if a.tobytes() != b.tobytes():
                largest = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
                differences.append(Difference(name, int((a != b).sum()), largest))
    return Verdict(len(names), numbers, tuple(differences))
