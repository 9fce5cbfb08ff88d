"""How a run folder is known among other folders: what a training wrote is never its own input, nor another's."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

RECIPE = "recipe.yaml"
MARKS = ("checkpoints", "environment.json")
"""A run folder holds its recipe and one of these from the moment at which pictures may be in it."""


def is_run_folder(names: Collection[str]) -> bool:
    """Whether a folder with these names in it is a run folder."""
    return RECIPE in names and any(mark in names for mark in MARKS)


def is_run_folder_at(folder: Path) -> bool:
    """Whether a folder on disk is a run folder."""
    return (folder / RECIPE).is_file() and any((folder / mark).exists() for mark in MARKS)


def run_folder_between(file: Path, above: Path) -> Path | None:
    """Return the topmost run folder that a file lies in, among the folders below ``above``; None: there is none."""
    below = file.relative_to(above).parts[:-1]
    for depth in range(1, len(below) + 1):
        folder = above.joinpath(*below[:depth])
        if is_run_folder_at(folder):
            return folder
    return None
