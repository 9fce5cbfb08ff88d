"""The components of training besides the networks; each is checked against its contract before training begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.components.contracts.training import AdversarialLoss, Augmentation, ClassLoss, Penalty, Schedule
from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.errors import ComponentError, Problem, RecipeError, UserError, collect_problems
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe

Draw = Callable[[int, Any], Any]
"""(count, int32 seed of shape (2,)) → float32 latent vectors (count, size)."""


@dataclass(frozen=True)
class Parts:
    """The components of training that hold no variables.

    Attributes:
        latent: draws latent vectors.
        loss: both losses.
        class_loss: the loss of the auxiliary classifier, or None.
        penalty: the penalty that D minimizes in addition to its loss, or None.
        augmentation: changes images before D sees them, or None.
        generator_schedule: gives the factor of the generator's learning rate; None means 1.
        discriminator_schedule: the same for the discriminator.
    """

    latent: Draw
    loss: AdversarialLoss
    class_loss: ClassLoss | None
    penalty: Penalty | None
    augmentation: Augmentation | None
    generator_schedule: Schedule | None
    discriminator_schedule: Schedule | None


def build_parts(recipe: ResolvedRecipe) -> Parts:
    """Build every component of training, and report all their problems together.

    The optimizers are built here only for the check.

    Raises:
        RecipeError: components raised or broke their contracts; it lists each with its place.
    """
    training = recipe.training
    built = collect_problems(
        lambda: build_latent(recipe),
        lambda: build_loss(recipe),
        lambda: _optional(recipe, training.class_loss, _check_class_loss),
        lambda: _optional(recipe, training.penalty, _check_penalty, recipe.image.range),
        lambda: _optional(recipe, training.augmentation, _check_augmentation),
        lambda: _optional(recipe, training.generator.schedule, _check_schedule),
        lambda: _optional(recipe, training.discriminator.schedule, _check_schedule),
        lambda: build_optimizer(recipe, training.generator.optimizer),
        lambda: build_optimizer(recipe, training.discriminator.optimizer),
    )
    return Parts(*built[:7])


def build_latent(recipe: ResolvedRecipe) -> Draw:
    """Return the function that draws latent vectors.

    Raises:
        RecipeError: the component raised, or draws something other than float32 (count, size).
    """
    choice, wanted = recipe.latent, (2, recipe.latent_size)
    with _placed(recipe, choice):
        draw: Draw = choice.build()
        require_returned(callable(draw), choice, draw)
        drawn = tf.convert_to_tensor(draw(2, tf.constant([0, 0])))
        require_returned(tuple(drawn.shape) == wanted and drawn.dtype == tf.float32, choice, drawn)
    return draw


def build_loss(recipe: ResolvedRecipe) -> AdversarialLoss:
    """Return the two losses.

    Raises:
        RecipeError: the component raised or returned something else, or a loss is not a single number.
    """
    choice = recipe.training.loss
    with _placed(recipe, choice):
        loss = choice.build()
        require_returned(isinstance(loss, AdversarialLoss), choice, loss)
        for function in (loss.generator, loss.discriminator):
            value = tf.convert_to_tensor(function(tf.zeros((2, 1)), tf.zeros((2, 1)), StepStream(0, 0, "check")))
            require_returned(value.shape.rank == 0, choice, value)
    return loss  # type: ignore[no-any-return]


def build_optimizer(recipe: ResolvedRecipe, choice: Choice) -> Any:
    """Return a new Keras optimizer.

    Raises:
        RecipeError: the component raised, or returned something else.
    """
    with _placed(recipe, choice):
        optimizer = choice.build()
        require_returned(isinstance(optimizer, keras.optimizers.Optimizer), choice, optimizer)
    return optimizer


def depends_on_real(loss: AdversarialLoss) -> bool:
    """Return whether the generator's loss depends on D's logits of real images."""
    real, fake = tf.constant([[0.5], [-1.0]]), tf.constant([[0.25], [1.0]])
    with tf.GradientTape() as tape:
        tape.watch(real)
        value = loss.generator(real, fake, StepStream(0, 0, "check"))
    # A loss may stop the gradient of the real logits and still depend on them, so NaN tests the value too.
    without = loss.generator(real * float("nan"), fake, StepStream(0, 0, "check"))
    return tape.gradient(value, real) is not None or bool(tf.math.is_nan(without))


def _optional(recipe: ResolvedRecipe, choice: Choice | None, check: Callable[..., None], argument: Any = None) -> Any:
    if choice is None:
        return None
    with _placed(recipe, choice):
        made = choice.build(argument)
        check(recipe, choice, made)
    return made


def _check_class_loss(recipe: ResolvedRecipe, choice: Choice, loss: Any) -> None:
    require_returned(isinstance(loss, ClassLoss), choice, loss)
    logits, classes = tf.zeros((2, 3)), tf.one_hot([0, 2], 3)
    for value in (loss.generator(logits, classes), loss.discriminator(logits, classes, logits, classes)):
        require_returned(tf.convert_to_tensor(value).shape.rank == 0, choice, value)


def _check_penalty(recipe: ResolvedRecipe, choice: Choice, penalty: Any) -> None:
    require_returned(isinstance(penalty, Penalty) and type(penalty.every) is int and penalty.every > 0, choice, penalty)
    images = tf.zeros((2, *recipe.image.shape))
    value = penalty.value(lambda x: tf.reduce_sum(x, [1, 2, 3])[:, None], images, images, StepStream(0, 0, "check"))
    require_returned(tf.convert_to_tensor(value).shape.rank == 0, choice, value)


def _check_augmentation(recipe: ResolvedRecipe, choice: Choice, augmentation: Any) -> None:
    require_returned(isinstance(augmentation, Augmentation) and len(augmentation.state) > 0, choice, augmentation)
    images = tf.zeros((2, *recipe.image.shape))
    changed = augmentation.transform(images, tf.constant(0.5), StepStream(0, 0, "check"))
    require_returned(changed.shape == images.shape and changed.dtype == tf.float32, choice, changed)
    if augmentation.adapt is not None:
        state = tf.constant(augmentation.state, tf.float32)
        require_returned(
            tf.convert_to_tensor(augmentation.adapt(state, tf.zeros((2, 1)))).shape == state.shape, choice, state
        )


def _check_schedule(recipe: ResolvedRecipe, choice: Choice, schedule: Any) -> None:
    require_returned(callable(schedule), choice, schedule)
    factor = tf.convert_to_tensor(schedule(tf.constant(0.0), recipe.training.steps))
    require_returned(factor.shape.rank == 0 and factor.dtype == tf.float32, choice, factor)


def require_returned(kept: bool, choice: Choice, made: Any) -> None:
    """Refuse what a component returned if it does not keep the contract of its kind.

    Raises:
        ComponentError: it does not.
    """
    if not kept:
        shown = f"{made.dtype.name} {tuple(made.shape)}" if isinstance(made, tf.Tensor) else f"{made!r:.100}"
        raise ComponentError(
            f"{choice.component} must return {KINDS[choice.component.kind].returns}, and returned {shown}"
        )


@contextmanager
def _placed(recipe: ResolvedRecipe, choice: Choice) -> Iterator[None]:
    try:
        with guarded(choice.component, "trying it out"):
            yield
    except UserError as error:
        raise RecipeError([Problem(recipe.mark(choice.path), dotted(choice.path), str(error))]) from error
