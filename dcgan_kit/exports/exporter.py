"""Makes a model file of a generator, and checks it in a fresh process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.exports.destination import Destination
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.exports.fresh_process import Difference, compare
from dcgan_kit.exports.image_model import LABEL, LATENT, image_model
from dcgan_kit.exports.model_card import Provenance, model_card
from dcgan_kit.exports.replacements import REPLACEMENTS, replaced
from dcgan_kit.exports.snippet import EXAMPLES, snippet
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


def export_model(
    generator: Any, source: Provenance, form: ModelFormat, where: Destination, report: Callable[[str], object]
) -> Exported:
    """Write a generator as a model file with a card, after a fresh process has loaded it and made the same images.

    Args:
        generator: the Keras model.
        source: where it comes from.
        form: the format.
        where: the paths.
        report: receives a line before each part of the work.

    Raises:
        UserError: the format cannot hold this generator, the file cannot be loaded, or it makes other images. Nothing
            is written then.
        RunError: a file cannot be written.
    """
    recipe, labels = source.recipe, len(generator.inputs) > 1
    needs = tuple(import_lines(generator)) if form.name == "keras" else ()
    with where.workspace() as folder:
        made = folder / where.model.name
        report(f"{where.model}: converting the generator")
        replacement = REPLACEMENTS.get(form.name)
        convertible = replaced(generator, replacement) if replacement else generator
        form.convert(image_model(convertible, recipe), made)
        report(f"{where.model}: loading it in a fresh process")
        code = snippet(form, where.model.name, recipe, labels, needs)
        inputs, expected = _examples(generator, source, labels)
        difference = compare(code, folder, inputs, expected)
        size = sum(file.stat().st_size for file in (made.rglob("*") if form.folder else (made,)) if file.is_file())
        where.place(made, model_card(form, source, code, labels, difference, needs))
    return Exported(form.name, where.model, where.card, size, source.step, difference, needs)


def _examples(generator: Any, source: Provenance, labels: bool) -> tuple[dict[str, Any], Any]:
    """Return inputs for the exported model, and the images that the generator makes of them."""
    import tensorflow as tf

    recipe = source.recipe
    latent = np.asarray(latent_vectors(recipe, EXAMPLES, 0, CHECK_STREAM))
    classes = np.arange(EXAMPLES, dtype=np.int32) % (recipe.classes or 1)
    # The fresh process computes on the CPU too.
    with tf.device("CPU:0"):
        expected = generated(generator, latent, recipe.image.range, one_hot(recipe, classes) if labels else None)
    return {LATENT: latent, LABEL: classes} if labels else {LATENT: latent}, expected
