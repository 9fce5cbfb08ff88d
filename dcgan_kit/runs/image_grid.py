"""Images from a generator, and a grid of them as a PNG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from dcgan_kit.networks.side_inputs import inputs_of
from dcgan_kit.recipes.resolved import ResolvedRecipe

BATCH = 64
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
GRID_STEP = -1
"""Takes the place of the step in the seed of the fixed grid, so that training never draws the same latent vectors."""


def latent_vectors(recipe: ResolvedRecipe, count: int, seed: int, step: int = GRID_STEP) -> Any:
    """Draw latent vectors (count, size); the same seed and step give the same vectors."""
    return recipe.latent.build()(count, tf.constant([seed, step], tf.int32))


def generated(generator: Any, latent: Any, value_range: tuple[float, float], classes: Any = None) -> Any:
    """Latent vectors (N, size) → uint8 images (N, H, W, C), from the generator in inference mode.

    Args:
        generator: the Keras model.
        latent: float32 (N, size).
        value_range: values of the darkest and the brightest pixel in the networks.
        classes: one-hot, float32 (N, classes); None if the recipe has no condition.
    """
    batches = []
    for i in range(0, len(latent), BATCH):
        told = None if classes is None else classes[i : i + BATCH]
        batches.append(np.asarray(generator(inputs_of(generator, latent[i : i + BATCH], told), training=False)))
    return as_pixels(np.concatenate(batches), value_range)


def one_hot(recipe: ResolvedRecipe, numbers: Any) -> Any:
    """Class numbers, integers (N,) → one-hot, float32 (N, classes); None if the recipe has no condition."""
    return None if recipe.classes is None else np.eye(recipe.classes, dtype=np.float32)[np.asarray(numbers)]


def classes_in_turn(recipe: ResolvedRecipe, count: int) -> Any:
    """Return the classes of images that show each class equally often: 0, 1, 2, … and again; see ``one_hot``."""
    return one_hot(recipe, np.arange(count) % (recipe.classes or 1))


def classes_by_row(recipe: ResolvedRecipe, rows: int, columns: int) -> Any:
    """Return the classes of a grid with one class in each row: 0, 1, 2, … and again; see ``one_hot``."""
    return one_hot(recipe, np.repeat(np.arange(rows) % (recipe.classes or 1), columns))


def classes_between(recipe: ResolvedRecipe, first: int, second: int, steps: int) -> Any:
    """Return the way from one class to another, float32 (steps, classes).

    The one-hot vector of the first class moves to that of the second on a straight line, in equal steps.
    """
    way = np.linspace(0.0, 1.0, steps, dtype=np.float32)[:, None]
    start, end = one_hot(recipe, [first, second])
    return (1.0 - way) * start + way * end


def as_pixels(values: Any, value_range: tuple[float, float]) -> Any:
    """Scale from the networks' range to 0..255, rounded and clipped; non-finite values become 0."""
    low, high = value_range
    scaled = np.nan_to_num((values.astype(np.float64) - low) / (high - low) * 255.0)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def grid_of(images: Any, rows: int, columns: int) -> Any:
    """Tile images (rows * columns, H, W, C) into one image (rows * H, columns * W, C)."""
    _, height, width, channels = images.shape
    tiled = images.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return tiled.reshape(rows * height, columns * width, channels)


def png_of(image: Any, enlarged: bool = True) -> bytes:
    """Encode one image (H, W, 1 to 4 channels) as PNG; ``enlarged`` repeats pixels so that a small one is visible."""
    height, width, channels = image.shape
    squeezed = image[:, :, 0] if channels == 1 else image
    picture = Image.fromarray(squeezed, _MODES[channels]) if channels == 2 else Image.fromarray(squeezed)
    factor = max(1, 448 // max(height, width)) if enlarged else 1
    if factor > 1:
        picture = picture.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
