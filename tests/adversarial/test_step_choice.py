"""What ``auto`` means: from times, from an earlier part of the run, and without a measurement."""

from __future__ import annotations

import pytest

from dcgan_kit.adversarial.step_choice import (
    MIN_GAIN,
    ChoiceSoFar,
    StepChoice,
    Variant,
    first_choice,
    gain,
    is_worth,
)

FLOAT32, BFLOAT16 = Variant("float32"), Variant("mixed_bfloat16")
WITH_XLA = Variant("float32", xla=True)


@pytest.fixture(scope="module")
def plan(tiny):
    """Return a function (precision, xla) -> TrainingPlan."""

    def plan(precision="auto", xla="auto"):
        return tiny(f"training.precision={precision}", f"training.xla={xla}").recipe.training

    return plan


def test_the_gain_is_the_median_of_the_rounds():
    # One round in which the machine did something else says nothing, whichever variant it hit.
    assert gain([2.0, 2.0, 90.0, 2.0, 2.0], [1.0, 1.0, 1.0, 50.0, 1.0]) == 2.0
    assert gain([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == 1.0 < MIN_GAIN
    # Rounds that were slow for both do not change their ratio.
    assert gain([10.0, 1.0, 3.0], [5.0, 0.5, 1.5]) == 2.0


def test_a_comparison_must_be_worth_its_time():
    assert is_worth(cost=4.0, steps=10_000, seconds=0.02)
    assert not is_worth(cost=4.0, steps=20, seconds=0.02)
    assert not is_worth(cost=60.0, steps=2000, seconds=0.005)
    assert is_worth(cost=60.0, steps=100_000, seconds=0.005)


@pytest.mark.parametrize(
    ("wanted", "kind", "so_far", "allows_xla", "expected"),
    [
        # What the recipe says.
        (("float32", "auto"), "CPU", None, True, (FLOAT32, "as the recipe says")),
        (("mixed_bfloat16", "on"), "GPU", None, True, (Variant("mixed_bfloat16", True), "as the recipe says")),
        (("float32", "off"), "GPU", ChoiceSoFar("mixed_bfloat16", True), True, (FLOAT32, "as the recipe says")),
        # A new run.
        (("auto", "auto"), "CPU", None, True, (FLOAT32, "auto: nothing was measured")),
        (("auto", "auto"), "GPU", None, True, (FLOAT32, "auto: nothing was measured")),
        (("auto", "on"), "GPU", None, True, (WITH_XLA, "auto: nothing was measured")),
        (("auto", "auto"), "TPU", None, False, (BFLOAT16, "auto: TPUs compute in bfloat16")),
        # A run that goes on, on another device as well.
        (("auto", "auto"), "CPU", ChoiceSoFar("mixed_bfloat16", True), True, (Variant("mixed_bfloat16", True), None)),
        (("auto", "auto"), "GPU", ChoiceSoFar("float32", False), True, (FLOAT32, None)),
        (("auto", "off"), "GPU", ChoiceSoFar("mixed_bfloat16", True), True, (BFLOAT16, None)),
        (("float32", "auto"), "CPU", ChoiceSoFar("mixed_bfloat16", True), True, (WITH_XLA, None)),
        (("auto", "auto"), "TPU", ChoiceSoFar("float32", False), False, (FLOAT32, None)),
        # On several devices, XLA cannot compile the step.
        (("auto", "auto"), "GPU", ChoiceSoFar("mixed_bfloat16", True), False, (BFLOAT16, None)),
        # Runs without the entry used XLA on a GPU, and nowhere else.
        (("auto", "auto"), "GPU", ChoiceSoFar("mixed_bfloat16"), True, (Variant("mixed_bfloat16", True), None)),
        (("auto", "auto"), "GPU", ChoiceSoFar("float32"), False, (FLOAT32, None)),
        (("auto", "auto"), "CPU", ChoiceSoFar("float32"), True, (FLOAT32, None)),
    ],
)
def test_the_choice_without_a_measurement(wanted, kind, so_far, allows_xla, expected, plan):
    choice = first_choice(plan(*wanted), kind, so_far, allows_xla)
    variant, reason = expected
    assert (choice.variant, choice.reason) == (variant, reason or "as in this run so far")


def test_what_a_run_folder_keeps():
    times = {FLOAT32: 12.34567, Variant("mixed_bfloat16", True): 8.0}
    choice = StepChoice(Variant("mixed_bfloat16", True), "auto: 8 ms a step, float32 12.3", times, "a GPU")
    assert choice.as_data() == {
        "precision": "mixed_bfloat16",
        "xla": True,
        "choice": {
            "reason": "auto: 8 ms a step, float32 12.3",
            "device": "a GPU",
            "milliseconds": {"float32": 12.346, "mixed_bfloat16 with XLA": 8.0},
        },
    }
    assert StepChoice(FLOAT32, "as the recipe says").as_data()["choice"] == {"reason": "as the recipe says"}
    assert str(choice) == "mixed_bfloat16 with XLA (auto: 8 ms a step, float32 12.3)"
