"""Checkpoints: every variable of a run in one file, written whole or not at all, read without pickle."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.training.run_folder import RunFolder
from dcgan_kit.training.state import TrainingState

KEPT = 2
"""Files that stay: should the newest be damaged, the one before serves."""


def save_checkpoint(run: RunFolder, state: TrainingState) -> Path:
    """Write every variable; remove all but the newest files.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    stream = io.BytesIO()
    # Names hold slashes, which savez would take for folders inside the archive; that is harmless, and read back alike.
    np.savez(stream, allow_pickle=False, **{name: np.asarray(v) for name, v in state.variables().items()})
    path = run.checkpoints / f"step-{int(state.step):09d}.npz"
    run.write(path, stream.getvalue())
    for old in _files(run)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def restore_checkpoint(run: RunFolder, state: TrainingState) -> tuple[Path | None, list[str]]:
    """Load the newest checkpoint that is whole into the state.

    Returns:
        The file, or None if there is none; and a line about each newer file that is damaged.

    Raises:
        RunError: a whole checkpoint is of other networks.
    """
    damaged = []
    for path in reversed(_files(run)):
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                values = {name: archive[name] for name in archive.files}
        except Exception as error:
            # A damaged archive makes zipfile, NumPy or tokenize raise whatever they like.
            damaged.append(f"{path}: is damaged and left aside ({error})")
            continue
        variables = state.variables()
        shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
        if shapes != {name: value.shape for name, value in values.items()}:
            raise RunError(f"{path}: is a checkpoint of other networks than the recipe's")
        for name, variable in variables.items():
            variable.assign(values[name])
        return path, damaged
    return None, damaged


def _files(run: RunFolder) -> list[Path]:
    return sorted(run.checkpoints.glob("step-*.npz"))
