"""Writes new images of a run: a grid of all, and each image to its own file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError, counted
from dcgan_kit.runs.image_grid import grid_of, png_of
from dcgan_kit.runs.write_errors import write_requested_file


def write_samples(images: Any, grid: Path, each: Path | None = None, columns: int | None = None) -> tuple[Path, ...]:
    """Write images as one PNG grid and, if wanted, each image as its own PNG.

    Args:
        images: uint8 (N, H, W, C).
        grid: the file of the grid; unused places stay black.
        each: a folder for ``00000.png`` and so on; None to write no such files.
        columns: columns of the grid; None: about as many as rows.

    Returns:
        The files in ``each``.

    Raises:
        RunError: a file cannot be written.
    """
    columns = min(columns, len(images)) if columns else math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    blank = np.zeros((rows * columns - len(images), *images.shape[1:]), np.uint8)
    write_requested_file(grid, png_of(grid_of(np.concatenate([images, blank]), rows, columns)))
    files = [] if each is None else [each / f"{index:05d}.png" for index in range(len(images))]
    for file, image in zip(files, images, strict=False):
        write_requested_file(file, png_of(image, enlarged=False))
    return tuple(files)


def require_sample_files(count: int, grid: Path | None, each: Path | None) -> None:
    """Check the paths for samples before any image is generated.

    Args:
        count: number of images.
        grid: the file of the grid; None if it is not chosen yet.
        each: the folder of single images, or None.

    Raises:
        UserError: the suffix of the grid is not .png; or ``each`` is not a folder, or holds other files, which could be
            confused with the new images.
    """
    if grid is not None and grid.suffix.lower() != ".png":
        raise UserError(f"{grid}: a grid is a PNG; give a name that ends in .png")
    if each is None or not each.exists():
        return
    if not each.is_dir():
        raise UserError(f"{each}: is not a folder; --each writes every image to its own file in a folder")
    others = {path.name for path in each.iterdir()} - {f"{index:05d}.png" for index in range(count)}
    if others:
        files = counted(len(others), "other file")
        raise UserError(f"{each}: holds {files}, such as {min(others)}; give an empty folder, or a new one")
