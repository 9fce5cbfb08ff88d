"""A picture from the outside, as the recipe's data would show it to the networks."""

from __future__ import annotations

import io
from typing import IO, Any

from dcgan_kit.data.fitted_image import WHITE, Colour, fitted_image
from dcgan_kit.data.image_file import decoded_image, unreadable_reason
from dcgan_kit.errors import DataError
from dcgan_kit.recipes.resolved import ResolvedRecipe


def target_pixels(stream: IO[bytes], recipe: ResolvedRecipe, name: str) -> Any:
    """Decode a picture and fit it to the recipe's size, with the recipe's ``data.fit`` and ``data.background``.

    Where the recipe's data have no such options, it is cropped in the middle, and transparent parts become white: the
    defaults of the built-in components.

    Args:
        stream: the file.
        recipe: the recipe.
        name: its name in messages.

    Returns:
        uint8 (H, W, C).

    Raises:
        DataError: it is no picture that can be read.
    """
    fit, background = _fit(recipe), _background(recipe)
    try:
        return fitted_image(decoded_image(stream), recipe.image.spec, fit=fit, background=background)
    except (DataError, OSError) as error:
        raise DataError(f"{name}: {unreadable_reason(error)}") from error


def target_of_bytes(content: bytes, recipe: ResolvedRecipe, name: str) -> Any:
    """Decode a picture that was sent; see ``target_pixels``."""
    return target_pixels(io.BytesIO(content), recipe, name)


# Components of plugins may use these names of options for something else.
def _fit(recipe: ResolvedRecipe) -> str:
    return "pad" if recipe.data.options.get("fit") == "pad" else "crop"


def _background(recipe: ResolvedRecipe) -> Colour:
    given = recipe.data.options.get("background")
    levels = tuple(given) if isinstance(given, list | tuple) else (given,) * 3
    if len(levels) != 3 or not all(type(level) is int and 0 <= level <= 255 for level in levels):
        return WHITE
    return levels
