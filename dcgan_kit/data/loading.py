"""The images that a recipe names, checked before anything trains on them."""

from __future__ import annotations

import numpy as np

from dcgan_kit.components.results import Images
from dcgan_kit.errors import ComponentError, DataError
from dcgan_kit.recipes.resolved import ResolvedRecipe


def load_images(recipe: ResolvedRecipe) -> Images:
    """Load a recipe's images.

    Raises:
        DataError: they are missing, corrupt or do not fit; the message says what to put where.
        ComponentError: a data component returned something else than it must.
    """
    try:
        images = recipe.data.build(recipe.image)
    except DataError as error:
        raise DataError(f"{recipe.mark(('data',))}: data: {error}") from error
    problem = _broken_contract(images, recipe)
    if problem:
        raise ComponentError(f"{recipe.data.component} must return dcgan_kit.Images {problem}")
    if len(images.pixels) == 0:
        raise DataError(f"{recipe.mark(('data',))}: data: {recipe.data.component.name} found no image")
    return images  # type: ignore[no-any-return]


def _broken_contract(images: object, recipe: ResolvedRecipe) -> str:
    if not isinstance(images, Images):
        return f"(returned: {type(images).__name__})"
    pixels = images.pixels
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        return f"with uint8 pixels (returned: {getattr(pixels, 'dtype', type(pixels).__name__)})"
    if pixels.shape[1:] != recipe.image.shape:
        return f"of shape (N, {', '.join(map(str, recipe.image.shape))}) (returned: {pixels.shape})"
    return ""
