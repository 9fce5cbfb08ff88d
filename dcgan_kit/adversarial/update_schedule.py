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


Turn = tuple[Update, ...]
"""What one step does."""


def batches_a_step(training: TrainingPlan) -> int:
    """How many batches of real images a step takes."""
    return training.discriminator.updates if training.updates == "alternating" else 1


def turn_at(training: TrainingPlan, every: int, step: int) -> Turn:
    """Return what a step does.

    Args:
        training: whose steps they are.
        every: updates of D from one that is penalized to the next, the first of all being one; 0: none is.
        step: steps that were done before.
    """

    def criticism(update: int, batch: int) -> Update:
        return Update(("discriminator",), batch, f"latent{batch}", every > 0 and update % every == 0)

    def generation(number: int, batch: int) -> Update:
        return Update(("generator",), batch, f"fresh{number}" if training.latents == "fresh" else f"latent{batch}")

    of_d, of_g = training.discriminator.updates, training.generator.updates
    if training.updates == "simultaneous":
        return (Update(("generator", "discriminator"), 0, "latent0", every > 0 and step % every == 0),)
    if training.updates == "in_turn":
        rounds, place = divmod(step, of_g + of_d)
        return (generation(0, 0),) if place < of_g else (criticism(rounds * of_d + place - of_g, 0),)
    critics = [criticism(step * of_d + batch, batch) for batch in range(of_d)]
    return (*critics, *(generation(number, of_d - 1) for number in range(of_g)))


def all_turns(training: TrainingPlan, every: int) -> tuple[tuple[Turn, ...], tuple[int, ...]]:
    """Return the different turns that there are, and which of them the first steps take, until all begins again."""
    of_d = training.discriminator.updates
    round_trip = of_d + training.generator.updates if training.updates == "in_turn" else 1
    period = round_trip * (every // gcd(of_d, every) if every else 1)
    taken = [turn_at(training, every, step) for step in range(period)]
    index = {turn: number for number, turn in enumerate(dict.fromkeys(taken))}
    return tuple(index), tuple(index[turn] for turn in taken)
