"""The generator of a run for a page that computes it: as ONNX, with a runtime for browsers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.run import Run, open_run
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.reports.embedded_generator import EmbeddedGenerator

VECTORS = 256
"""Latent vectors in the page: no browser knows the distribution of a plugin, so the page carries draws of it."""
CHECKED = 16
MOST_DIFFERENCE = 1e-4
"""Greatest difference from Keras: about a hundredth of a grey level, in the usual range from -1 to 1."""


def require_embeddable(paths: Sequence[Path], quick: bool) -> None:
    """Check that a report about these runs can have a generator.

    Raises:
        UserError: it cannot.
    """
    if len(paths) != 1:
        raise UserError(f"generator (--generator): a page embeds the generator of one run. Received: {len(paths)} runs")
    if quick:
        raise UserError(
            "generator (--generator): cannot be embedded with quick (--quick), which restores no checkpoint; leave one "
            "of them out"
        )


def embedded_generator(path: Path, folder: Path, settings: PluginSettings | None) -> EmbeddedGenerator:
    """Return the generator of the newest checkpoint of a run, checked against Keras.

    Args:
        path: the run folder.
        folder: see ``read_runtime``.
        settings: which plugins may be loaded.

    Raises:
        UserError: the runtime or a package is missing, the network cannot be converted, or makes other images.
        RunError: the run has no checkpoint.
    """
    from dcgan_kit.exports.formats import FORMATS
    from dcgan_kit.reports.browser_runtime import read_runtime

    # What can be missing is checked before TensorFlow starts.
    runtime = read_runtime(folder)
    FORMATS["onnx"].require_modules()
    run = open_run(path, settings=settings)
    generator = run.generator()
    from dcgan_kit.exports.float_onnx import float_onnx, greatest_difference
    from dcgan_kit.reports.embedded_generator import EmbeddedGenerator
    from dcgan_kit.runs.image_grid import classes_in_turn

    note(f"{path}: converting the generator for the page")
    model = float_onnx(generator)
    latent = run.latent_vectors(VECTORS, seed=0)
    labelled = len(generator.inputs) > 1
    classes = classes_in_turn(run.resolved, CHECKED) if labelled else None
    difference = greatest_difference(model, generator, latent[:CHECKED], classes)
    if not difference <= MOST_DIFFERENCE:
        raise UserError(
            f"generator: as ONNX it makes other images than Keras, by up to {difference:.2g}; at most "
            f"{MOST_DIFFERENCE:g} is allowed"
        )
    height, width, channels = generator.outputs[0].shape[1:]
    return EmbeddedGenerator(
        model=model,
        runtime=runtime,
        latent=latent,
        shape=(height, width, channels),
        value_range=run.resolved.image.range,
        classes=_titles(run) if labelled else (),
        step=run.restored().step,
        difference=difference,
    )


def _titles(run: Run) -> tuple[str, ...]:
    from dcgan_kit.reports.run_files import shown
    from dcgan_kit.runs.environment import environment_of
    from dcgan_kit.runs.row_labels import row_titles

    names = environment_of(run.path).get("class_names")
    texts = [shown(one) if isinstance(one, str) else "" for one in names] if isinstance(names, list) else []
    classes = run.resolved.classes or 0
    return tuple(row_titles(classes, classes, texts))
