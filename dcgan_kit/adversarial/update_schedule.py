"""Which updates a step makes, in which order and on what: functions of the recipe and the number of the step."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from dcgan_kit.recipes.resolved import Role, TrainingPlan


@dataclass(frozen=True)
class Update:
    """One movement of the weights of one network, or of both.

    Attributes:
        roles: the networks whose weights move.
        batch: which of the step's batches of real images D sees, from 0.
        latents: what G's latent vectors are drawn for; updates that name the same see the same.
        penalized: whether D minimizes the penalty besides its loss.
    """

    roles: tuple[Role, ...]
    batch: int
    latents: str
    penalized: bool = False


Updates = tuple[Update, ...]
"""What one step does, in order."""


@dataclass(frozen=True)
class UpdateSchedule:
    """Who moves when: the kinds of step that a recipe has, and which step is of which kind.

    Attributes:
        kinds: every different kind of step, once.
        order: the kind (an index into ``kinds``) of each of the first steps; after the last of them all begins again.
    """

    kinds: tuple[Updates, ...]
    order: tuple[int, ...]

    @staticmethod
    def of(training: TrainingPlan, every: int) -> UpdateSchedule:
        """Return the schedule of a recipe.

        Args:
            training: whose steps they are.
            every: as in ``updates_at``.
        """
        of_d = training.discriminator.updates
        round_trip = of_d + training.generator.updates if training.updates == "in_turn" else 1
        period = round_trip * (every // gcd(of_d, every) if every else 1)
        taken = [updates_at(training, every, step) for step in range(period)]
        index = {updates: number for number, updates in enumerate(dict.fromkeys(taken))}
        return UpdateSchedule(tuple(index), tuple(index[updates] for updates in taken))

    def at(self, step: int) -> Updates:
        """Return what a step does; ``step`` counts the steps before it."""
        return self.kinds[self.order[step % len(self.order)]]


def batches_a_step(training: TrainingPlan) -> int:
    """How many batches of real images a step takes."""
    return training.discriminator.updates if training.updates == "alternating" else 1


def updates_at(training: TrainingPlan, every: int, step: int) -> Updates:
    """Return what a step does.

    Args:
        training: whose steps they are.
        every: updates of D from one that is penalized to the next, the first of all being one; 0: none is.
        step: steps that were done before.
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
