"""What training is made of besides the networks, each checked against the contract of its kind before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.results import AdversarialLoss
from dcgan_kit.errors import Problem, RecipeError, gathered
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe

Draw = Callable[[int, Any], Any]
"""(count, int32 seed of shape (2,)) → float32 latent vectors (count, size)."""


def check_parts(recipe: ResolvedRecipe) -> None:
    """Build latent, loss and optimizers once, to tell all that is wrong with them.

    Raises:
        RecipeError: every one that raised or broke its contract, with its place.
    """
    training = recipe.training
    gathered(
        lambda: build_latent(recipe),
        lambda: build_loss(recipe),
        lambda: build_optimizer(recipe, training.generator_optimizer),
        lambda: build_optimizer(recipe, training.discriminator_optimizer),
    )


def build_latent(recipe: ResolvedRecipe) -> Draw:
    """Return the function that draws latent vectors.

    Raises:
        RecipeError: the component raised, or draws something else than float32 (count, size).
    """
    choice, wanted = recipe.latent, (2, recipe.latent_size)
    with _placed(recipe, choice):
        draw: Draw = choice.build()
        _require(callable(draw), choice, draw)
        drawn = tf.convert_to_tensor(draw(2, tf.constant([0, 0])))
        _require(tuple(drawn.shape) == wanted and drawn.dtype == tf.float32, choice, drawn)
    return draw


def build_loss(recipe: ResolvedRecipe) -> AdversarialLoss:
    """Return the two losses.

    Raises:
        RecipeError: the component raised, returned something else, or a loss is no single number.
    """
    choice = recipe.training.loss
    with _placed(recipe, choice):
        loss = choice.build()
        _require(isinstance(loss, AdversarialLoss), choice, loss)
        for function in (loss.generator, loss.discriminator):
            value = tf.convert_to_tensor(function(tf.zeros((2, 1)), tf.zeros((2, 1))))
            _require(value.shape.rank == 0, choice, value)
    return loss  # type: ignore[no-any-return]


def build_optimizer(recipe: ResolvedRecipe, choice: Choice) -> Any:
    """Return a fresh Keras optimizer.

    Raises:
        RecipeError: the component raised, or returned something else.
    """
    with _placed(recipe, choice):
        optimizer = choice.build()
        _require(isinstance(optimizer, keras.optimizers.Optimizer), choice, optimizer)
    return optimizer


class _Broken(Exception):
    pass


def _require(kept: bool, choice: Choice, made: Any) -> None:
    if not kept:
        shown = f"{made.dtype.name} {tuple(made.shape)}" if isinstance(made, tf.Tensor) else f"{made!r:.100}"
        raise _Broken(f"{choice.component} must return {KINDS[choice.component.kind].returns}, and gave {shown}")


@contextmanager
def _placed(recipe: ResolvedRecipe, choice: Choice) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        # A stranger's factory or function may raise anything; the user is told whose it is and where it was chosen.
        message = str(error)
        if str(choice.component) not in message:
            message = f"{choice.component} failed: {type(error).__name__}: {message}"
        raise RecipeError([Problem(recipe.mark(choice.path), dotted(choice.path), message)]) from error
