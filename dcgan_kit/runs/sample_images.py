"""New images from the newest checkpoint of a run, finished or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors, png_of
from dcgan_kit.runs.run import open_generator
from dcgan_kit.runs.run_folder import write_asked


@dataclass(frozen=True)
class Drawn:
    """What was drawn.

    Attributes:
        grid: the PNG of all images.
        files: the PNG of each image, if they were asked for.
        step: steps that the generator had been trained for.
        notes: a line about each newer checkpoint that is damaged.
    """

    grid: Path
    files: tuple[Path, ...]
    step: int
    notes: tuple[str, ...] = ()


def draw(
    recipe: ResolvedRecipe,
    run_path: Path,
    count: int,
    seed: int,
    output: Path,
    each: Path | None,
    raw: bool = False,
    best: bool = False,
) -> Drawn:
    """Draw images from a run and write them.

    Args:
        recipe: the run's resolved recipe.
        run_path: the run folder.
        count: how many images.
        seed: of the latent vectors.
        output: the grid's file.
        each: folder for each image as a file of its own, or None.
        best: from the checkpoint that is kept for good, instead of the newest.
        raw: from the generator itself, where the recipe keeps an average of it too.

    Raises:
        RunError: the run has no whole checkpoint, or a file cannot be written.
    """
    opened = open_generator(recipe, run_path, best, raw)
    # The seed of training's own latent vectors is (seed, step); any step below 0 is free for sampling.
    latent = latent_vectors(recipe, count, seed, step=-2)
    images = generated(opened.generator, latent, recipe.image.range)
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    blank = np.zeros((rows * columns - count, *recipe.image.shape), np.uint8)
    write_asked(output, png_of(grid_of(np.concatenate([images, blank]), rows, columns)))
    files = []
    if each is not None:
        for index, image in enumerate(images):
            files.append(each / f"{index:05d}.png")
            write_asked(files[-1], png_of(image, enlarged=False))
    return Drawn(output, tuple(files), opened.step, opened.notes)
