"""What a folder holds: no run yet, a run, a checkpoint, or something else."""

from __future__ import annotations

import os
from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.files import TEMPORARY, is_there
from dcgan_kit.runs.run_folder import LOCK, RECIPE, RunFolder
from dcgan_kit.runs.write_errors import writing


def holds_no_run(run: RunFolder) -> bool:
    """Return whether the folder holds no run yet: it is empty, or has only files of a process killed at its start.

    Raises:
        RunError: the folder holds something other than a run, or cannot be read.
    """
    require_name(run.path)
    with writing(run.path):
        if is_there(run.recipe_file):
            run.require_ordinary(RECIPE)
            return False
        names = [entry.name for entry in run.path.iterdir()] if run.path.is_dir() else []
        new = not run.path.exists() or run.path.is_dir()
    prefix = f".{RECIPE}."
    if not new or any(name != LOCK and not (name.startswith(prefix) and name.endswith(TEMPORARY)) for name in names):
        raise RunError(f"{run.path}: exists and is not a run folder. Choose another with --run, or remove it")
    return True


def require_name(path: Path) -> None:
    """Check that TensorFlow can write to a path.

    Raises:
        RunError: the path is not UTF-8.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise RunError(
            f"{path}: this name is not UTF-8, and TensorFlow can write only to such names. Choose one with --run"
        ) from error


def read_run(path: Path) -> RunFolder:
    """Return an existing run folder.

    Raises:
        RunError: there is no run at that path; or its recipe is not an ordinary file, or one of its folders not a
            folder.
    """
    run = RunFolder(path)
    if not is_there(run.recipe_file):
        problem = "is not a run folder: it has no recipe.yaml" if path.exists() else "there is no such folder"
        usual = Path("runs", path.name)
        known = RunFolder(usual).recipe_file.is_file()
        remedy = f"Did you mean {usual}?" if known else "`dcgan-kit train RECIPE` makes one"
        raise RunError(f"{path}: {problem}. {remedy}")
    run.require_ordinary(RECIPE)
    return run


def require_checkpoint(run: RunFolder) -> None:
    """Check, without TensorFlow, that a run has a checkpoint file; the file may still be damaged.

    Raises:
        RunError: there is no checkpoint.
    """
    if next(run.checkpoints.glob("*.npz"), None) is None:
        raise RunError(f"{run.path}: has no checkpoint yet")
