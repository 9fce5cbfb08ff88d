from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import schedule
from pydantic import ValidationError

SCHEDULES = schedule.dcgan_kit_components()


def factors(built, at, steps=1000):
    return [float(built(tf.constant(float(step)), steps)) for step in at]


def test_constant():
    assert factors(schedule.constant(), [0, 500, 1000]) == [1.0, 1.0, 1.0]


def test_linear_falls_from_its_start_to_its_end():
    assert factors(schedule.linear(), [0, 250, 500, 1000]) == pytest.approx([1.0, 0.75, 0.5, 0.0])
    late = schedule.linear(start=0.5, to=0.2)
    assert factors(late, [0, 500, 750, 1000]) == pytest.approx([1.0, 1.0, 0.6, 0.2])


def test_cosine():
    assert factors(schedule.cosine(), [0, 500, 1000]) == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)
    expected = 0.1 + 0.9 * (1 + np.cos(np.pi / 4)) / 2
    assert factors(schedule.cosine(to=0.1), [250, 1000]) == pytest.approx([expected, 0.1])
    # It ends at a tenth of the 1000 steps.
    early = schedule.cosine(to=0.1, end=0.1)
    assert factors(early, [0, 25, 100, 900]) == pytest.approx([1.0, 0.1 + 0.9 * (1 + np.cos(np.pi / 4)) / 2, 0.1, 0.1])


def test_stepwise_falls_at_each_share():
    built = schedule.stepwise(at=(0.5, 0.75), factor=0.5)
    assert factors(built, [0, 499, 500, 749, 750, 1000]) == pytest.approx([1.0, 1.0, 0.5, 0.5, 0.25, 0.25])


def test_warm_up_rises_from_its_first_step_and_then_follows():
    assert factors(schedule.warm_up(steps=4), [0, 1, 2, 3, 4, 1000]) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    then = schedule.warm_up(steps=200, then=schedule.linear)
    # The line has the 800 steps that remain.
    assert factors(then, [0, 99, 199, 200, 600, 1000]) == pytest.approx([0.005, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_warm_up_longer_than_training_only_rises():
    assert factors(schedule.warm_up(steps=2000), [0, 999, 1000]) == pytest.approx([1 / 2000, 0.5, 1001 / 2000])


def test_a_recipe_nests_one(resolve):
    recipe = resolve("tiny-fashion28", "training.schedule={use: warm_up, steps: 5, then: {use: cosine, to: 0.5}}")
    built = recipe.training.generator.schedule.build()
    assert factors(built, [0, 4, 20], 20) == pytest.approx([0.2, 1.0, 0.5])


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (schedule.linear, {"start": 1.0}),
        (schedule.linear, {"to": 1.5}),
        (schedule.cosine, {"to": -0.1}),
        (schedule.cosine, {"end": 0.0}),
        (schedule.stepwise, {"at": (0.5, 1.0)}),
        (schedule.stepwise, {"at": ()}),
        (schedule.stepwise, {"factor": 0.0}),
        (schedule.warm_up, {"steps": 0}),
        (schedule.constant, {"to": 1.0}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def test_what_follows_a_warm_up_must_be_a_schedule():
    with pytest.raises(ValueError, match=r"then must make a function \(step, steps\). Received: 0.5"):
        schedule.warm_up(then=lambda: 0.5)
