"""The update schedule: which networks a step updates, in which order, and on which inputs.

It depends only on the recipe and on the number of the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from dcgan_kit.recipes.resolved import Role, TrainingPlan


@dataclass(frozen=True)
class Update:
    """One update of the weights of one network, or of both together.

    Attributes:
        roles: the networks that the update changes.
        batch: index of the batch of real images that D sees, from 0.
        latents: purpose of the random stream for latent vectors; updates with the same purpose get the same vectors.
        penalized: whether D also minimizes the penalty.
    """

    roles: tuple[Role, ...]
    batch: int
    latents: str
    penalized: bool = False


Updates = tuple[Update, ...]
"""The updates of one step, in order."""


@dataclass(frozen=True)
class UpdateSchedule:
    """The update schedule of a recipe: its kinds of step, and the kind of each step.

    Attributes:
        kinds: every different kind of step, once.
        order: the kind (an index into ``kinds``) of each step; after its end, the order repeats.
    """

    kinds: tuple[Updates, ...]
    order: tuple[int, ...]

    @staticmethod
    def of(training: TrainingPlan, every: int) -> UpdateSchedule:
        """Return the schedule of a recipe.

        Args:
            training: the recipe's training plan.
            every: as in ``updates_at``.
        """
        of_d = training.discriminator.updates
        round_trip = of_d + training.generator.updates if training.updates == "in_turn" else 1
        period = round_trip * (every // gcd(of_d, every) if every else 1)
        taken = [updates_at(training, every, step) for step in range(period)]
        index = {updates: number for number, updates in enumerate(dict.fromkeys(taken))}
        return UpdateSchedule(tuple(index), tuple(index[updates] for updates in taken))

    def at(self, step: int) -> Updates:
        """Return the updates of a step; ``step`` is the number of steps before it."""
        return self.kinds[self.order[step % len(self.order)]]


def batches_a_step(training: TrainingPlan) -> int:
    """Return the number of batches of real images that a step uses."""
    return training.discriminator.updates if training.updates == "alternating" else 1


def updates_at(training: TrainingPlan, every: int, step: int) -> Updates:
    """Return the updates of a step.

    Args:
        training: the recipe's training plan.
        every: one in this many updates of D is penalized, starting with the first; 0 means none.
        step: number of steps done before.
    """

    def of_discriminator(update: int, batch: int) -> Update:
        return Update(("discriminator",), batch, f"latent{batch}", every > 0 and update % every == 0)

    def of_generator(number: int, batch: int) -> Update:
        return Update(("generator",), batch, f"fresh{number}" if training.latents == "fresh" else f"latent{batch}")

    of_d, of_g = training.discriminator.updates, training.generator.updates
    if training.updates == "simultaneous":
        return (Update(("generator", "discriminator"), 0, "latent0", every > 0 and step % every == 0),)
    if training.updates == "in_turn":
        rounds, place = divmod(step, of_g + of_d)
        return (of_generator(0, 0),) if place < of_g else (of_discriminator(rounds * of_d + place - of_g, 0),)
    first = [of_discriminator(step * of_d + batch, batch) for batch in range(of_d)]
    return (*first, *(of_generator(number, of_d - 1) for number in range(of_g)))
