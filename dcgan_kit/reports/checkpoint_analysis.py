"""What only the trained networks and the data can tell: overlaps, spectra, nearest neighbours. Starts TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.training_components import build_parts
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.holdout import split
from dcgan_kit.data.loading import load_images
from dcgan_kit.data.progress import report_progress, reporting_to
from dcgan_kit.errors import UserError
from dcgan_kit.evaluation.evaluator import Tell
from dcgan_kit.evaluation.selection import build_score
from dcgan_kit.networks.builder import Network, build_networks
from dcgan_kit.networks.kernel_overlap import taps
from dcgan_kit.networks.resampling import Resize, Window
from dcgan_kit.networks.summary import summarize
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe
from dcgan_kit.reports.comparisons import Looked, Neighbours, Pair
from dcgan_kit.reports.neighbours import candidates, nearest
from dcgan_kit.reports.overlap import Overlap
from dcgan_kit.reports.spectrum import power
from dcgan_kit.runs.checkpoint import restore_to_look
from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors
from dcgan_kit.runs.run_folder import RunFolder

SAMPLES = 256
PAIRS = 10
COMPARED = 100
"""Real images whose own nearest neighbours say what is near."""
STREAM = -3
"""Stands in for the step in the seed of these samples: training draws from 0 on, and its grid from -1."""


def look(recipe: ResolvedRecipe, run: RunFolder, tell: Tell) -> Looked:
    """Restore the newest checkpoint of a run, draw samples, and compare them with the recipe's data.

    Args:
        recipe: the run's.
        run: its folder.
        tell: (what, done, total): is told how far it is, a few times a second, of what takes longer than two.

    Raises:
        UserError: the networks cannot be built.
    """
    networks = build_networks(recipe)
    found = Looked(
        overlaps=tuple(_overlaps(networks.generator)),
        better={name: way for choice in recipe.training.evaluation.scores for name, way in _better(choice).items()},
    )
    state = TrainingState.create(recipe, networks, build_parts(recipe))
    try:
        damaged = restore_to_look(run, state)
    except UserError as error:
        return replace(found, notes=(str(error),))
    found = replace(found, step=state.steps_done, notes=damaged)
    try:
        with reporting_to(partial(tell, "reading images")):
            training, held_out = split(load_images(recipe), recipe.training.held_out, recipe.training.seed)
    except UserError as error:
        return replace(found, notes=(*found.notes, f"The data cannot be loaded: {error}"))
    latent = latent_vectors(recipe, SAMPLES, recipe.training.seed, STREAM)
    samples = generated(state.sampled, latent, recipe.image.range)
    with reporting_to(partial(tell, "looking for neighbours")):
        neighbours = _neighbours(samples, training, held_out)
    return replace(
        found,
        spectra=(power(samples), power(training.batch(_evenly(len(training), SAMPLES)))),
        neighbours=neighbours,
        real=_grid(training, *recipe.training.sample_grid),
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
                told = f"{part.component}, kernel {_side(operation.size)}, stride {_side(operation.stride)}"
                height, width = zip(operation.size, operation.stride, operation.dilation, strict=True)
                yield Overlap(part.name, told, taps(*height), taps(*width))
            elif isinstance(operation, Resize) and max(operation.factor) > 1:
                # Every new pixel is seen by a convolution of stride 1, which has as many taps everywhere.
                factors = [max(1, round(factor)) for factor in operation.factor]
                told = f"{part.component}, resizes by {_side(tuple(factors))}"
                yield Overlap(part.name, told, (1,) * factors[0], (1,) * factors[1])


def _side(pair: tuple[int, ...]) -> str:
    return f"{pair[0]}" if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _grid(training: Images, rows: int, columns: int) -> Any:
    if len(training) < rows * columns:
        return None
    return grid_of(training.batch(_evenly(len(training), rows * columns)), rows, columns)


def _evenly(count: int, most: int) -> Any:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _neighbours(samples: Any, training: Images, held_out: Images) -> Neighbours | None:
    if len(training) < 2:
        return None
    which, distances = nearest(samples, training, report_progress)
    order = np.argsort(distances, kind="stable")
    # One image that many samples are near to would be all that is seen.
    _, first = np.unique(which[order], return_index=True)
    chosen = order[np.sort(first)[:PAIRS]]
    pairs = tuple(Pair(samples[i], training.batch(which[i]), float(distances[i])) for i in chosen)
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
