"""New images of a run as files: a grid of them, and each in a file of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.errors import UserError, counted
from dcgan_kit.runs.image_grid import grid_of, png_of
from dcgan_kit.runs.run_folder import write_asked


def write_samples(images: Any, grid: Path, each: Path | None = None) -> tuple[Path, ...]:
    """Write images as one PNG, in rows and columns, and each of them as a PNG too.

    Args:
        images: uint8 (N, H, W, C).
        grid: the file of all images; places that are left over stay black.
        each: a folder for ``00000.png`` and so on; None: no such files.

    Returns:
        The files in ``each``.

    Raises:
        RunError: a file cannot be written.
    """
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    blank = np.zeros((rows * columns - len(images), *images.shape[1:]), np.uint8)
    write_asked(grid, png_of(grid_of(np.concatenate([images, blank]), rows, columns)))
    files = [] if each is None else [each / f"{index:05d}.png" for index in range(len(images))]
    for file, image in zip(files, images, strict=False):
        write_asked(file, png_of(image, enlarged=False))
    return tuple(files)


def require_sample_files(count: int, grid: Path | None, each: Path | None) -> None:
    """Refuse places for samples that cannot serve, before anything is drawn.

    Args:
        count: how many images there will be.
        grid: the file of all images; None: it is not chosen yet.
        each: the folder of single images, or None.

    Raises:
        UserError: the grid has another suffix than .png; the folder is none, or holds other files, among which nobody
            could tell the new images.
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
