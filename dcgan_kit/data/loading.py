"""Load the images of a recipe, and check them before training."""

from __future__ import annotations

import numpy as np

from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.components.guard import guarded
from dcgan_kit.data.holdout import SplitImages, split
from dcgan_kit.data.progress import Report, reporting_to
from dcgan_kit.errors import ComponentError, DataError
from dcgan_kit.recipes.resolved import ResolvedRecipe

MAX_LISTED = 10
"""Most classes that a message names."""
MOST_OF_A_NAME = 300
"""Most characters of a class' name; names of folders have at most 255."""


def load_images(recipe: ResolvedRecipe, report: Report | None = None) -> Images:
    """Load a recipe's images.

    Args:
        recipe: its ``data`` component loads images of the size in ``image``.
        report: called with (done, total) from time to time if loading takes more than two seconds. It is called only if
            the data component calls ``dcgan_kit.report_progress``.

    Raises:
        DataError: the images are missing, corrupt or do not fit; the message says what to put where.
        ComponentError: the data component failed, or did not return valid ``Images``.
    """
    place = f"{recipe.mark(('data',))}: data"
    try:
        with reporting_to(report):
            images = recipe.data.build(recipe.image.spec)
    except (DataError, ComponentError) as error:
        raise type(error)(f"{place}: {error}") from error
    problem = broken_contract(images, recipe.image.spec)
    if problem:
        raise ComponentError(f"{place}: {recipe.data.component} must return dcgan_kit.Images {problem}")
    return images  # type: ignore[no-any-return]


def with_known_classes(recipe: ResolvedRecipe, report: Report | None = None) -> ResolvedRecipe:
    """Return the recipe with the number of classes of its data in the place of ``condition.classes: auto``.

    It reads the images only if the recipe says ``auto``.

    Raises:
        DataError: see ``load_images``; or the images have no labels.
        ComponentError: see ``load_images``.
    """
    if recipe.condition is None or recipe.condition.classes != "auto":
        return recipe
    images = load_images(recipe, report)
    require_labels(recipe, images)
    return recipe.with_classes(max(2, int(images.labels.max()) + 1))


def require_labels(recipe: ResolvedRecipe, images: Images) -> None:
    """Check that images have the classes that a recipe with a condition needs.

    Raises:
        DataError: there are no labels, a label is no class of the recipe, or a class has no image.
    """
    if recipe.condition is None:
        return
    condition, labels = f"{recipe.mark(('condition',), ('data',))}: condition", images.labels
    if labels is None:
        message = (
            "the images have no labels, so their classes are unknown; docs/data.md names the data that have labels"
        )
        raise DataError(f"{condition}: {message}")
    least, most = int(labels.min()), int(labels.max())
    if least < 0:
        raise DataError(f"{condition}: labels must count from 0. Received: {least}")
    if most == 0:
        raise DataError(f"{condition}: all images have the class 0; a recipe with classes needs two at least")
    key = f"{recipe.mark(('condition', 'classes'), ('data',))}: condition.classes"
    classes = most + 1 if recipe.condition.classes == "auto" else recipe.condition.classes
    cure = f"their labels go from {least} to {most}: set it to {most + 1}, or to auto"
    if most >= classes:
        raise DataError(f"{key}: the images have more classes than {classes}; {cure}")
    absent = sorted(set(range(classes)) - set(np.unique(labels).tolist()))
    if absent:
        shown = ", ".join(map(str, absent[:MAX_LISTED])) + (", …" if len(absent) > MAX_LISTED else "")
        if absent[0] < most:
            cure = "give each class an image, or number the classes without gaps"
        raise DataError(f"{key}: the recipe has {classes} classes, and no image has: {shown}; {cure}")


def load_split_images(recipe: ResolvedRecipe, report: Report | None = None) -> SplitImages:
    """Load a recipe's images, and split off the held-out split that the recipe asks for.

    Args:
        recipe: see ``load_images``.
        report: see ``load_images``.

    Raises:
        DataError: see ``load_images``; or ``training.held_out`` leaves one part empty.
        ComponentError: see ``load_images``.
    """
    images = load_images(recipe, report)
    require_labels(recipe, images)
    return SplitImages(images, *split(images, recipe.training.held_out, recipe.training.seed))


def require_data(recipe: ResolvedRecipe) -> None:
    """Raise an error if a recipe's images are missing. It runs before TensorFlow starts, and reads no images.

    Raises:
        DataError: the check of the data component found a problem; the message says what to put where.
        ComponentError: the check itself failed.
    """
    check = recipe.data.component.check
    if check is None:
        return
    try:
        with guarded(recipe.data.component, "its check"):
            check(**recipe.data.options)
    except DataError as error:
        raise DataError(f"{recipe.mark(('data',))}: data: {error}") from error


def messages_about(images: Images, most: int | None = None) -> list[str]:
    """Return lines for the user about loaded images: skipped files, files that were left out, and notes on labels.

    Args:
        images: the images.
        most: most lines about skipped files; None: all.
    """
    return [*(f"skipped {line}" for line in images.skipped[:most]), *images.left_out, *images.notes]


def broken_contract(images: object, spec: ImageSpec) -> str:
    """Return what is wrong with the result of a component of kind ``data``; empty if it is valid."""
    if not isinstance(images, Images):
        return f"(returned: {type(images).__name__})"
    pixels = images.pixels
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        return f"with uint8 pixels (returned: {getattr(pixels, 'dtype', type(pixels).__name__)})"
    if pixels.shape[1:] != spec.shape:
        return f"of shape (N, {', '.join(map(str, spec.shape))}) (returned: {pixels.shape})"
    if len(pixels) == 0:
        return "with at least one image (returned: none)"
    indices = images.indices
    if indices is not None and not (isinstance(indices, np.ndarray) and indices.dtype.kind in "iu"):
        return f"with integer indices or None (returned: {getattr(indices, 'dtype', type(indices).__name__)})"
    if indices is not None and (indices.ndim != 1 or not len(indices)):
        return f"with indices of shape (M,), at least one (returned: {indices.shape})"
    if indices is not None and not 0 <= indices.min() <= indices.max() < len(pixels):
        return f"with indices in 0 … {len(pixels) - 1} (returned: {indices.min()} … {indices.max()})"
    labels = images.labels
    if labels is not None and not (isinstance(labels, np.ndarray) and labels.dtype.kind in "iu"):
        return f"with integer labels or None (returned: {getattr(labels, 'dtype', type(labels).__name__)})"
    if labels is not None and labels.shape != (len(images),):
        return f"with one label for each of the {len(images)} images (returned: {labels.shape})"
    names = images.class_names
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return f"with class_names as a tuple of texts (returned: {names!r:.100})"
    if any(len(name) > MOST_OF_A_NAME or min(name, default=" ") < " " for name in names):
        return (
            f"with class_names of at most {MOST_OF_A_NAME} characters, no control character (returned: {names!r:.99})"
        )
    if names and labels is not None and labels.max() >= len(names):
        return f"with a name for each class (returned: {len(names)} names, and the label {labels.max()})"
    return ""
