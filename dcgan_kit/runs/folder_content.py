"""What a folder holds: no run yet, a run, a checkpoint, or something else."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from dcgan_kit.errors import RunError, counted
from dcgan_kit.files import TEMPORARY, is_there
from dcgan_kit.recipes.run_folders import is_run_folder_at
from dcgan_kit.runs.run_folder import LOCK, RECIPE, RunFolder
from dcgan_kit.runs.write_errors import writing

MOST_LOOKED_AT = 1000
"""Most entries of a folder among which a message looks for run folders."""


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
        raise RunError(f"{path}: {_no_run_at(path)}")
    run.require_ordinary(RECIPE)
    return run


def usual_run(path: Path) -> Path | None:
    """Return the run folder where training puts a run of this name; None if there is none."""
    usual = Path("runs", path.name)
    # Unlike Path.is_file, this takes names that are too long for the system.
    return usual if os.path.isfile(RunFolder(usual).recipe_file) else None


def run_folder_above(path: Path) -> Path | None:
    """Return the run folder that a path lies in, directly or in one of its folders; None if there is none."""
    # A short path such as `checkpoints` or `..` says nothing of the folders above, so its full path comes second.
    full = Path(os.path.abspath(path))
    above = [folder for inside in (path, full) for folder in list(inside.parents)[:2] if folder.name]
    return next((folder for folder in above if is_run_folder_at(folder)), None)


def give_run_folder(path: Path) -> str:
    """Return what to do about a file where a run folder is wanted; it names the run folder that the file lies in."""
    above = run_folder_above(path)
    return "Give the run folder" if above is None else f"Give the run folder, {above}"


def _no_run_at(path: Path) -> str:
    if path.is_file():
        return f"is a file, not a run folder. {give_run_folder(path)}"
    problem = "is not a run folder: it has no recipe.yaml" if path.exists() else "there is no such folder"
    below = _run_folders_in(path)
    near = usual_run(path) or run_folder_above(path) or (below[0] if len(below) == 1 else None)
    if near is not None:
        return f"{problem}. Did you mean {near}?"
    if below:
        return f"{problem}. It holds {counted(len(below), 'run folder')}, such as {below[0]}: name one of them"
    return f"{problem}. `dcgan-kit train RECIPE` makes one"


def _run_folders_in(path: Path) -> list[Path]:
    try:
        names = sorted(islice(os.listdir(path), MOST_LOOKED_AT))
    except OSError:
        return []
    return [path / name for name in names if is_run_folder_at(path / name)]


def require_checkpoint(run: RunFolder) -> None:
    """Check, without TensorFlow, that a run has a checkpoint file; the file may still be damaged.

    Raises:
        RunError: there is no checkpoint.
    """
    if next(run.checkpoints.glob("*.npz"), None) is None:
        raise RunError(f"{run.path}: has no checkpoint yet")
