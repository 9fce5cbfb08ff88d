"""Recognize run folders, so that the output of a training is never used as training data."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

RECIPE = "recipe.yaml"
MARKS = ("checkpoints", "environment.json")
"""A run folder contains its recipe and one of these before the first image is written to it."""


def is_run_folder(names: Collection[str]) -> bool:
    """Return whether a folder with these names in it is a run folder."""
    return RECIPE in names and any(mark in names for mark in MARKS)


def is_run_folder_at(folder: Path) -> bool:
    """Return whether a folder on disk is a run folder."""
    return (folder / RECIPE).is_file() and any((folder / mark).exists() for mark in MARKS)


def run_folder_between(file: Path, above: Path) -> Path | None:
    """Return the topmost run folder below ``above`` that contains a file; None if there is none."""
    below = file.relative_to(above).parts[:-1]
    for depth in range(1, len(below) + 1):
        folder = above.joinpath(*below[:depth])
        if is_run_folder_at(folder):
            return folder
    return None
