"""Which updates steps make, for every order that a recipe can ask for."""

from __future__ import annotations

import pytest

from dcgan_kit.adversarial.update_schedule import UpdateSchedule, updates_at


@pytest.fixture
def training(tiny):
    """Return a function (updates, updates of D, of G, latents) -> the plan of training."""
    return lambda updates, of_d=1, of_g=1, latents="shared": tiny(
        f"training.updates={updates}", f"training.discriminator.updates={of_d}", f"training.generator.updates={of_g}",
        *([f"training.latents={latents}"] if latents != "shared" else []),
    ).recipe.training  # fmt: skip


def shown(updates):
    """A step as text: D0+ is D's update on batch 0 with the penalty."""
    names = {("generator",): "G", ("discriminator",): "D", ("generator", "discriminator"): "GD"}
    return " ".join(f"{names[u.roles]}{u.batch}{'+' if u.penalized else ''}:{u.latents}" for u in updates)


@pytest.mark.parametrize(
    ("plan", "every", "steps"),
    [
        (("simultaneous",), 2, ["GD0+:latent0", "GD0:latent0"]),
        (("alternating",), 0, ["D0:latent0 G0:latent0"]),
        (("alternating", 2, 2), 0, ["D0:latent0 D1:latent1 G1:latent1 G1:latent1"]),
        (("alternating", 1, 2, "fresh"), 1, ["D0+:latent0 G0:fresh0 G0:fresh1"]),
        (("alternating", 2), 4, ["D0+:latent0 D1:latent1 G1:latent1", "D0:latent0 D1:latent1 G1:latent1"]),
        (("alternating", 3), 2, ["D0+:latent0 D1:latent1 D2+:latent2 G2:latent2",
                                 "D0:latent0 D1+:latent1 D2:latent2 G2:latent2"]),
        (("in_turn", 2), 3, ["G0:latent0", "D0+:latent0", "D0:latent0", "G0:latent0", "D0:latent0", "D0+:latent0",
                             "G0:latent0", "D0:latent0", "D0:latent0"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_steps_do(plan, every, steps, training):
    plan = training(*plan)
    assert [shown(updates_at(plan, every, step)) for step in range(len(steps))] == steps
    schedule = UpdateSchedule.of(plan, every)
    assert [shown(schedule.kinds[number]) for number in schedule.order] == steps
    assert sorted(map(shown, schedule.kinds)) == sorted(set(steps)), "each is compiled once"
    for step in range(3 * len(steps)):
        assert updates_at(plan, every, step) == schedule.at(step)


def test_few_kinds_of_step_are_compiled_however_seldom_the_penalty_comes(training):
    schedule = UpdateSchedule.of(training("alternating", 5), 16)
    assert len(schedule.order) == 16
    assert len(schedule.kinds) == 6, "none of a step's five updates is penalized, or one"
