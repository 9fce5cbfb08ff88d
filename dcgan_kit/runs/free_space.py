"""Whether the disk has room for the checkpoints of a training, asked before the first step."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.recipes.resolved import TrainingPlan
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.terminal.quantities import size

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState


def require_space(run: RunFolder, state: TrainingState, training: TrainingPlan) -> None:
    """Check that the checkpoints of a training fit on the disk.

    They need at least the bytes of their numbers. Metrics, samples and the memory of probes come on top.

    Args:
        run: the run folder, which need not exist; checkpoints in it count as room.
        state: the training state.
        training: the recipe's training plan.

    Raises:
        RunError: they cannot fit.
    """
    each, count = checkpoint_bytes(state), checkpoints_at_once(training)
    free = free_bytes(run)
    if free < each * count:
        raise RunError(
            f"{run.path}: its disk has room for {size(free)}, and the checkpoints of this training need "
            f"{size(each * count)}: up to {count} at a time, {size(each)} each. Free space, lower "
            f"training.keep (now {training.keep}), or choose another folder with --run"
        )


def free_bytes(run: RunFolder) -> int:
    """Return the free bytes on the disk of a run folder, which need not exist; its checkpoints count as free.

    Raises:
        RunError: the system cannot say.
    """
    with writing(run.path):
        return shutil.disk_usage(_existing(run.path)).free + _bytes_in(run.checkpoints)


def checkpoint_bytes(state: TrainingState) -> int:
    """Return the bytes of all numbers of a checkpoint; its file is a little larger."""
    return sum(
        math.prod(variable.shape) * np.dtype(getattr(variable.dtype, "name", variable.dtype)).itemsize
        for variable in state.variables().values()
    )


def checkpoints_at_once(training: TrainingPlan) -> int:
    """Return how many checkpoints a run folder holds at most at the same time.

    A new checkpoint is written before the one that it replaces is removed.
    """
    written = 1 + math.ceil(training.steps / training.checkpoint_every)
    if training.evaluation.scores and training.best.metric is not None:
        # Each evaluation whose score judges checkpoints has one.
        written += math.ceil(training.steps / training.evaluation.every)
    newest = min(training.keep + 1, written)
    return newest + (0 if training.best.metric is None else min(2, written))


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _bytes_in(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.iterdir()) if folder.is_dir() else 0
