"""Makes a model file of a generator, and checks it in a fresh process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.exports.destination import Destination
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.exports.fresh_process import MOST_LEVELS, MOST_LEVELS_ROUNDED, Difference, compare
from dcgan_kit.exports.image_model import LABEL, LATENT, image_model
from dcgan_kit.exports.model_card import Provenance, model_card
from dcgan_kit.exports.replacements import REPLACEMENTS, replaced
from dcgan_kit.exports.snippet import EXAMPLES, snippet
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.image_grid import generated, latent_vectors, one_hot
from dcgan_kit.runs.required_imports import import_lines

CHECK_STREAM = -4
"""Takes the place of the step in the seed of the latent vectors that are compared."""


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        format: its format.
        path: the file, or the folder of a SavedModel.
        card: the model card.
        size: number of bytes of the model.
        step: number of steps that the generator was trained.
        difference: what a comparison in a fresh process found.
        imports: lines of Python that must run before Keras loads the file; empty for other formats.
    """

    format: str
    path: Path
    card: Path
    size: int
    step: int
    difference: Difference
    imports: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the facts as a mapping for JSON."""
        return {
            "format": self.format,
            "path": str(self.path),
            "card": str(self.card),
            "bytes": self.size,
            "step": self.step,
            "images": self.difference.images,
            "greatest_difference": self.difference.levels,
            "differing_pixels": self.difference.share,
            "imports": list(self.imports),
        }


@dataclass(frozen=True)
class GeneratorFile:
    """What a generator file needs besides a generator.

    Attributes:
        write: writes the file to a path.
        rounded: whether its weights are rounded.
        folders: folders of plugins that its recipe may need.
    """

    write: Callable[[Path], object]
    rounded: bool = False
    folders: tuple[str, ...] = ()

    @property
    def most(self) -> int:
        """Greatest difference that passes, in grey levels."""
        return MOST_LEVELS_ROUNDED if self.rounded else MOST_LEVELS


def export_model(
    generator: Any,
    source: Provenance,
    form: ModelFormat,
    where: Destination,
    report: Callable[[str], object],
    file: GeneratorFile | None = None,
) -> Exported:
    """Write a generator with a card, after a fresh process has loaded the model and made the same images.

    Args:
        generator: the Keras model.
        source: where it comes from.
        form: the format.
        where: the paths.
        report: receives a line before each part of the work.
        file: for a generator file, how it is written.

    Raises:
        UserError: the format cannot hold this generator, the file cannot be loaded, or it makes other images. Nothing
            is written then.
        RunError: a file cannot be written.
    """
    recipe, labels = source.recipe, form.labels and len(generator.inputs) > 1
    needs = tuple(import_lines(generator)) if form.name == "keras" else ()
    folders, most = ((), MOST_LEVELS) if file is None else (file.folders, file.most)
    with where.workspace() as folder:
        made = folder / where.model.name
        report(f"{where.model}: converting the generator")
        if file is None:
            convert(generator, source.recipe, form, made)
        else:
            file.write(made)
        report(f"{where.model}: loading it in a fresh process")
        code = snippet(form, where.model.name, recipe, labels, needs, folders)
        difference = compare(code, folder, *_examples(generator, source, labels), most)
        parts = [made] if made.is_file() else [part for part in made.rglob("*") if part.is_file()]
        size = sum(part.stat().st_size for part in parts)
        where.place(made, model_card(form, source, code, labels, difference, needs))
    return Exported(form.name, where.model, where.card, size, source.step, difference, needs)


def convert(generator: Any, recipe: ResolvedRecipe, form: ModelFormat, path: Path) -> None:
    """Write a generator as a model of a format.

    Raises:
        UserError: the format cannot hold it.
    """
    replacement = REPLACEMENTS.get(form.name)
    convertible = replaced(generator, replacement) if replacement else generator
    form.convert(image_model(convertible, recipe), path)


def _examples(generator: Any, source: Provenance, labels: bool) -> tuple[dict[str, Any], Any]:
    """Return inputs for the exported model, and the images that the generator makes of them."""
    import tensorflow as tf

    recipe = source.recipe
    latent = np.asarray(latent_vectors(recipe, EXAMPLES, 0, CHECK_STREAM))
    classes = np.arange(EXAMPLES, dtype=np.int32) % (recipe.classes or 1)
    # The fresh process computes on the CPU too.
    with tf.device("CPU:0"):
        expected = generated(
            generator, latent, recipe.image.range, one_hot(recipe, classes) if len(generator.inputs) > 1 else None
        )
    return {LATENT: latent, LABEL: classes} if labels else {LATENT: latent}, expected
