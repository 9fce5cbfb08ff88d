"""Analysis of a checkpoint and the data for a report: overlaps, spectra, nearest neighbours. Needs TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.drawn_classes import drawn_classes
from dcgan_kit.data.progress import report_progress, reporting_to
from dcgan_kit.errors import UserError
from dcgan_kit.evaluation.evaluator import TaskReport
from dcgan_kit.evaluation.selection import build_score
from dcgan_kit.networks.kernel_overlap import taps
from dcgan_kit.networks.network import Network
from dcgan_kit.networks.resampling import Resize, Window
from dcgan_kit.networks.summary import summarize
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.reports.comparisons import CheckpointAnalysis, Neighbours, Pair
from dcgan_kit.reports.neighbours import candidates, nearest
from dcgan_kit.reports.overlap import Overlap
from dcgan_kit.reports.spectrum import power
from dcgan_kit.runs.image_grid import grid_of
from dcgan_kit.runs.run import StoredRun

SAMPLES = 256
PAIRS = 10
COMPARED = 100
"""Number of real images whose nearest neighbours show which distances are usual."""
STREAM = -3
"""Replaces the step in the seed of these samples. Training uses steps from 0, and sample grids use -1."""


def analyze(run: StoredRun, report: TaskReport) -> CheckpointAnalysis:
    """Restore the newest checkpoint of a run, generate samples, and compare them with the recipe's data.

    Args:
        run: the run.
        report: receives the progress (task, done, total), a few times per second, for tasks of more than two seconds.

    Raises:
        UserError: the networks cannot be built.
    """
    recipe = run.resolved
    networks = run.networks()
    found = CheckpointAnalysis(
        overlaps=tuple(_overlaps(networks.generator)),
        better={
            name: better for choice in recipe.training.evaluation.scores for name, better in _better(choice).items()
        },
    )
    try:
        restored = run.restored(networks=networks)
    except UserError as error:
        return replace(found, notes=(str(error),))
    found = replace(found, step=restored.step, notes=restored.notes)
    try:
        images = run.read_images(partial(report, "reading images"))
    except UserError as error:
        return replace(found, notes=(*found.notes, f"The data cannot be loaded: {error}"))
    training = images.training
    seed = recipe.training.seed
    classes = None if recipe.classes is None else drawn_classes(training.labels, SAMPLES, seed)
    samples = run.generated(SAMPLES, seed, STREAM, label=classes)
    with reporting_to(partial(report, "searching for neighbours")):
        neighbours = _neighbours(samples, training, images.held_out)
    rows, columns = recipe.training.sample_grid
    real = _grid(training, rows, columns, recipe.classes)
    if real is None:
        needed = f"{rows * columns:,} images" if recipe.classes is None else f"{columns} images of each class in it"
        note = f"There is no grid of training images: it needs {needed}, and there are fewer."
        found = replace(found, notes=(*found.notes, note))
    return replace(
        found,
        spectra=(power(samples), power(training.batch(_evenly(len(training), SAMPLES)))),
        neighbours=neighbours,
        real=real,
    )


def _better(choice: Choice) -> Mapping[str, str]:
    return build_score(choice).score.better


def _overlaps(generator: Network) -> Iterator[Overlap]:
    rows = {row.name: row for row in summarize(generator).rows}
    for part in generator.parts:
        if part.kind != "upsample":
            continue
        for operation in rows[part.name].trace.operations:
            if isinstance(operation, Window) and operation.transposed:
                description = f"{part.component}, kernel {_side(operation.size)}, stride {_side(operation.stride)}"
                height, width = zip(operation.size, operation.stride, operation.dilation, strict=True)
                yield Overlap(part.name, description, taps(*height), taps(*width))
            elif isinstance(operation, Resize) and max(operation.factor) > 1:
                # A convolution of stride 1 reads the resized map, so each pixel gets the same number of taps.
                factors = [max(1, round(factor)) for factor in operation.factor]
                description = f"{part.component}, resizes by {_side(tuple(factors))}"
                yield Overlap(part.name, description, (1,) * factors[0], (1,) * factors[1])


def _side(pair: tuple[int, ...]) -> str:
    return f"{pair[0]}" if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _grid(training: Images, rows: int, columns: int, classes: int | None) -> Any:
    """Return a grid of training images, with one class in each row if there are classes; None if there are too few."""
    if classes is not None:
        own = [np.flatnonzero(training.labels == row % classes) for row in range(rows)]
        if min(map(len, own)) < columns:
            return None
        chosen = np.concatenate([places[_evenly(len(places), columns)] for places in own])
        return grid_of(training.batch(chosen), rows, columns)
    if len(training) < rows * columns:
        return None
    return grid_of(training.batch(_evenly(len(training), rows * columns)), rows, columns)


def _evenly(count: int, most: int) -> Any:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _neighbours(samples: Any, training: Images, held_out: Images) -> Neighbours | None:
    if len(training) < 2:
        return None
    indices, distances = nearest(samples, training, report_progress)
    order = np.argsort(distances, kind="stable")
    # Show each training image once; otherwise one image that is near many samples could fill all pairs.
    _, first = np.unique(indices[order], return_index=True)
    chosen = order[np.sort(first)[:PAIRS]]
    pairs = tuple(Pair(samples[i], training.batch(indices[i]), float(distances[i])) for i in chosen)
    if len(held_out):
        real = held_out.batch(_evenly(len(held_out), COMPARED))
        _, compared = nearest(real, training, report_progress)
    else:
        itself = candidates(len(training))[_evenly(len(candidates(len(training))), COMPARED)]
        _, compared = nearest(training.batch(itself), training, report_progress, without=itself)
    return Neighbours(
        pairs=pairs,
        samples=len(samples),
        median=float(np.median(distances)),
        compared=float(np.median(compared)),
        held_out=len(held_out) > 0,
        candidates=len(candidates(len(training))),
    )
