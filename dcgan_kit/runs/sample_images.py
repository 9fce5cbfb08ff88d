"""Writes new images of a run: a grid of all, and each image to its own file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError, counted
from dcgan_kit.runs.image_grid import grid_of, png_of
from dcgan_kit.runs.write_errors import write_requested_file


def write_grid(images: Any, file: Path, columns: int | None = None) -> None:
    """Write images as one PNG grid.

    Args:
        images: uint8 (N, H, W, C).
        file: the file; unused places of the grid stay black.
        columns: columns of the grid; None: about as many as rows.

    Raises:
        RunError: the file cannot be written.
    """
    columns = min(columns, len(images)) if columns else math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    blank = np.zeros((rows * columns - len(images), *images.shape[1:]), np.uint8)
    write_requested_file(file, png_of(grid_of(np.concatenate([images, blank]), rows, columns)))


def write_each(images: Any, folder: Path) -> tuple[Path, ...]:
    """Write each image, uint8 (N, H, W, C), as its own PNG: ``00000.png`` and so on; return the files.

    Raises:
        RunError: a file cannot be written.
    """
    files = tuple(folder / f"{index:05d}.png" for index in range(len(images)))
    for file, image in zip(files, images, strict=True):
        write_requested_file(file, png_of(image, enlarged=False))
    return files


def require_folder(count: int, each: Path) -> None:
    """Check the folder of single images before any is generated.

    Args:
        count: number of images.
        each: the folder, which need not exist.

    Raises:
        UserError: it is no folder, or holds other files, which could be confused with the new images.
    """
    if not each.exists():
        return
    if not each.is_dir():
        raise UserError(f"{each}: is not a folder; --each writes every image to its own file in a folder")
    others = {path.name for path in each.iterdir()} - {f"{index:05d}.png" for index in range(count)}
    if others:
        files = counted(len(others), "other file")
        raise UserError(f"{each}: holds {files}, such as {min(others)}; give an empty folder, or a new one")
