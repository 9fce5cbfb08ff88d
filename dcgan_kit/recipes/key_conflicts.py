"""Conflicts between keys whose values are each valid alone. ``key_declarations.py`` says what one key allows."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from math import isfinite

from dcgan_kit.errors import Problem, did_you_mean
from dcgan_kit.recipes import key_declarations
from dcgan_kit.recipes.nodes import Node, dotted
from dcgan_kit.recipes.validation import Path

PARAMETER_SERVER = (
    "parameter servers train each worker on outdated weights: each network would train against an old version of the "
    "other, and no run could be repeated. Choose multi_worker"
)

LOSS_METRICS = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")
"""Values of ``training.best.metric`` besides the names of scores."""


def conflicts(recipe: Node) -> Iterator[Problem]:
    """Yield the conflicts between keys. Values of the wrong type are ignored here; validation reports them."""
    yield from _image_range(recipe)
    yield from _simultaneous(recipe)
    yield from _strategy(recipe)
    yield from _best(recipe)
    yield from _patience(recipe)
    yield from _accumulate(recipe)


def _problem(path: Path, message: str, node: Node) -> Problem:
    return Problem(node.place, dotted(path), message)


def _image_range(recipe: Node) -> Iterator[Problem]:
    limits = recipe.find(("image", "range"))
    if limits is None:
        return
    data = limits.data()
    numbers = isinstance(data, tuple) and len(data) == 2 and all(type(v) in (int, float) for v in data)
    if numbers and all(map(isfinite, data)) and not data[0] < data[1]:
        yield Problem(
            limits.mark, "image.range", f"the first number must be less than the second (given: [{data[0]}, {data[1]}])"
        )


def _simultaneous(recipe: Node) -> Iterator[Problem]:
    updates = recipe.find(("training", "updates"))
    if updates is not None and updates.value not in (None, "simultaneous"):
        return
    for role in ("generator", "discriminator"):
        path = ("training", role, "updates")
        own = recipe.find(path)
        if own is not None and type(own.value) is int and own.value > 1:
            message = "only 1 is possible with simultaneous updates; choose training.updates alternating"
            yield _problem(path, f"{message} (given: {own.value})", own)
    latents = recipe.find(("training", "latents"))
    if latents is not None and latents.value == "fresh":
        message = "simultaneous updates share one forward pass; choose training.updates alternating (given: 'fresh')"
        yield _problem(("training", "latents"), message, latents)


def _strategy(recipe: Node) -> Iterator[Problem]:
    strategy = recipe.find(("distribute", "strategy"))
    if strategy is not None and strategy.value == "parameter_server":
        yield _problem(("distribute", "strategy"), PARAMETER_SERVER, strategy)


def _best(recipe: Node) -> Iterator[Problem]:
    path = ("training", "best", "metric")
    metric, scores = recipe.find(path), recipe.find(("training", "evaluation", "scores"))
    name = None if metric is None else metric.value
    if metric is not None and isinstance(name, str) and name not in LOSS_METRICS and (not scores or not scores.value):
        message = f"no scores are evaluated, and no loss is called {name!r}.{did_you_mean(name, LOSS_METRICS)}"
        if not get_close_matches(name, LOSS_METRICS):
            message += " For a number of a score, name the score in training.evaluation.scores, e.g. [frechet] for fd"
        yield _problem(path, message, metric)


def _patience(recipe: Node) -> Iterator[Problem]:
    path = ("training", "best", "patience")
    patience, metric = recipe.find(path), recipe.find((*path[:-1], "metric"))
    if patience is None or patience.value is None:
        return
    name = None if metric is None else metric.value
    if name is None:
        message = "needs a number that can improve: name one of a score in training.best.metric, e.g. fd"
        yield _problem(path, message, patience)
    elif name in LOSS_METRICS:
        message = (
            f"needs a score, and training.best.metric is {name!r}: the loss of a GAN does not fall as samples improve"
        )
        yield _problem(path, message, patience)


def _accumulate(recipe: Node) -> Iterator[Problem]:
    path = ("training", "accumulate")
    parts, batch = recipe.find(path), recipe.find(("training", "batch_size"))
    images = key_declarations.Training.model_fields["batch_size"].default if batch is None else batch.value
    if parts is None or type(parts.value) is not int or type(images) is not int:
        return
    if parts.value > 0 and images % parts.value:
        yield _problem(path, f"must divide training.batch_size {images} (given: {parts.value})", parts)
