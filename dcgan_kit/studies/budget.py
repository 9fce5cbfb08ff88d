"""The budget of a run, and the number of training steps that it pays for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, get_args

from dcgan_kit.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from dcgan_kit.adversarial.update_schedule import Updates, UpdateSchedule
    from dcgan_kit.components.contracts.training import Penalty
    from dcgan_kit.recipes.resolved import ResolvedRecipe, TrainingPlan

BudgetKind = Literal["steps", "images", "seconds", "multiply_accumulates"]
WITH_BACKWARD = 3
"""A forward pass and its backward pass, in forward passes. The backward pass has two products for each of the forward
pass: the gradient for the input and that for the weights (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)."""
ROWS = 2
"""Images with which a penalty is tried out."""


@dataclass(frozen=True)
class Budget:
    """What a run may use.

    Attributes:
        kind: the unit: training steps; real images, where each repetition counts; seconds of training steps; or
            multiply-accumulates of training steps.
        amount: how many, above 0.

    Raises:
        UserError: there is no such kind, or the amount is not a positive number.
    """

    kind: BudgetKind
    amount: float

    def __post_init__(self) -> None:
        if self.kind not in get_args(BudgetKind):
            raise UserError(f"budget: no kind {self.kind!r}.{did_you_mean(str(self.kind), get_args(BudgetKind))}")
        number = isinstance(self.amount, int | float) and not isinstance(self.amount, bool)
        if not number or not math.isfinite(self.amount) or self.amount <= 0:
            raise UserError(f"budget: {self.kind} must be a number above 0. Received: {self.amount!r}")
        if self.kind in ("steps", "images"):
            if self.amount != int(self.amount):
                raise UserError(f"budget: {self.kind} must be a whole number. Received: {self.amount!r}")
            object.__setattr__(self, "amount", int(self.amount))


def steps_of(budget: Budget, recipe: ResolvedRecipe, seconds_per_step: float | None = None) -> int:
    """Return how many training steps a budget pays for, rounded down.

    Args:
        budget: the budget.
        recipe: the recipe to train. A budget in multiply-accumulates needs its number of classes, not ``auto``.
        seconds_per_step: measured time of one step; a budget in seconds needs it.

    Raises:
        UserError: the budget does not pay for one step, or the networks cannot be built.
        ValueError: the budget is in seconds, and ``seconds_per_step`` is not a positive number.
    """
    amount, price = budget.amount, 1.0
    if budget.kind == "multiply_accumulates":
        costs = step_costs(recipe)
        steps, price = _paid_steps(int(amount), costs), costs[0]
    else:
        if budget.kind == "images":
            price = images_a_step(recipe)
        elif budget.kind == "seconds":
            if seconds_per_step is None or not 0.0 < seconds_per_step < math.inf:
                raise ValueError(f"a budget in seconds needs the seconds of a step. Received: {seconds_per_step}")
            price = seconds_per_step
        steps = int(amount // price)
    if steps < 1:
        raise UserError(
            f"budget: a step of {recipe.name} takes {_shown(price)} {budget.kind.replace('_', '-')}, and the budget is "
            f"{_shown(amount)}; raise it"
        )
    return steps


def _shown(amount: float) -> str:
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,g}"


def images_a_step(recipe: ResolvedRecipe) -> int:
    """Return the number of real images that a step takes from the data.

    That is ``training.batch_size``, and with ``alternating`` as many times that as D has updates. A step of ``in_turn``
    that updates G also takes a batch, for the metrics. Images that a penalty makes of it do not count.
    """
    from dcgan_kit.adversarial.update_schedule import batches_a_step

    return recipe.training.batch_size * batches_a_step(recipe.training)


def step_costs(recipe: ResolvedRecipe) -> tuple[int, ...]:
    """Return the multiply-accumulates of each training step, over all replicas. After the last one they repeat.

    The forward pass of a network costs what ``dcgan-kit show`` prints, times the images. The backward pass costs twice
    as much: one part for the gradients for the inputs, one for those for the weights. An update of G needs only the
    first part from D. Each pass counts that ``adversarial/step.py`` makes: one pass of G may serve D's last and G's
    first update. The passes of a penalty are counted with a stand-in for D: each of D's forward passes, and each
    gradient with respect to the images, has a backward pass of its own.

    The gradient for the input of a network's first layer counts, as usual, although most updates do not need it. What
    does not count: layers without products (normalization, activations, pooling), losses, augmentation, optimizer,
    averaged generator, spectral norms and other constraints, scores and probes. Fused operations count as the layers
    that they replace.

    Args:
        recipe: the recipe; its number of classes is not ``auto``.

    Raises:
        UserError: the networks or a component of training cannot be built.
    """
    from dcgan_kit.adversarial.training_components import build_parts, depends_on_real
    from dcgan_kit.adversarial.update_schedule import UpdateSchedule
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import summarize

    networks, parts, training = build_networks(recipe, symbolic=True), build_parts(recipe), recipe.training
    passes = _Passes(
        training,
        summarize(networks.generator).macs,
        summarize(networks.discriminator).macs,
        depends_on_real(parts.loss),
        _penalty_passes(parts.penalty, recipe.image.shape),
    )
    schedule = UpdateSchedule.of(training, parts.penalty.every if parts.penalty else 0)
    return _costs_in_order(schedule, passes)


def training_cost(recipe: ResolvedRecipe, steps: int) -> int:
    """Return the multiply-accumulates of the first steps of a training; see ``step_costs``."""
    costs = step_costs(recipe)
    rounds, rest = divmod(steps, len(costs))
    return rounds * sum(costs) + sum(costs[:rest])


def _costs_in_order(schedule: UpdateSchedule, passes: _Passes) -> tuple[int, ...]:
    kinds = [passes.macs(updates) for updates in schedule.kinds]
    return tuple(kinds[number] for number in schedule.order)


def _paid_steps(amount: int, costs: tuple[int, ...]) -> int:
    """Return how many steps from the first cost at most an amount, where the costs repeat."""
    rounds, rest = divmod(amount, sum(costs))
    return rounds * len(costs) + sum(total <= rest for total in accumulate(costs))


@dataclass(frozen=True)
class _Passes:
    """What decides about the passes of a step.

    Attributes:
        training: the training plan.
        generator: multiply-accumulates of G for one image.
        discriminator: the same for D.
        sees_real: whether G's loss depends on real images.
        penalty: passes of D for each image in a penalized update, with their backward passes.
    """

    training: TrainingPlan
    generator: int
    discriminator: int
    sees_real: bool
    penalty: float

    def macs(self, updates: Updates) -> int:
        """Return the multiply-accumulates of a step."""
        training, of_g, of_d, made = self.training, 0.0, 0.0, ""
        for update in updates:
            moves_g, moves_d = "generator" in update.roles, "discriminator" in update.roles
            clipped = training.generator.weight_clip is not None and training.generator.weight_clip_when == "before"
            # Images of G are kept until its weights change; those of a divided batch are not kept.
            if training.accumulate > 1 or update.latents != made or (moves_g and clipped):
                of_g += 1
            made = "" if moves_g else update.latents
            forward = 2 if moves_d or self.sees_real or training.updates == "in_turn" else 1
            of_d += forward
            if moves_d:
                of_d += (WITH_BACKWARD - 1) * forward
                of_d += self.penalty if update.penalized else 0
            if moves_g:
                of_g += WITH_BACKWARD - 1
                # Real and generated images in one batch go back together.
                of_d += forward if training.discriminator_passes == "concatenated" else 1
        return round(training.batch_size * (of_g * self.generator + of_d * self.discriminator))


def _penalty_passes(penalty: Penalty | None, shape: tuple[int, int, int]) -> float:
    """Return how many passes of D a penalty costs for each image of the batch, with their backward passes."""
    if penalty is None:
        return 0.0
    import tensorflow as tf

    from dcgan_kit.adversarial.random_streams import StepStream

    images = 0

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def stand_in(x: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            nonlocal images
            images += int(x.shape[0])
            return upstream[:, :, None, None] * tf.ones_like(x)

        nonlocal images
        images += int(x.shape[0])
        return tf.reduce_sum(x, [1, 2, 3])[:, None], gradient

    batch = tf.zeros((ROWS, *shape))
    penalty.value(stand_in, batch, batch, StepStream(0, 0, "check"))
    return WITH_BACKWARD * images / ROWS
