"""The programs that compare recipes: which variants they train, how long, and what they make of the judges' numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "benchmarks"
JUDGED = ("fd", "fd@random_convolution", "swd")
VARIANTS = yaml.safe_load((FOLDER / "tuning.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def quality(program):
    return program("quality")


@pytest.fixture
def tuning(program):
    return program("tuning")


def _rows(recipe, minutes, values):
    return [
        {"recipe": recipe, "minutes": minutes, "seed": seed, **dict.fromkeys(JUDGED, 1.0), "fd": value}
        for seed, value in enumerate(values)
    ]


def test_judges_are_told_where_intervals_are_apart(quality):
    rows = [
        *_rows("ours", 5.0, [1.0, 1.1, 1.2]),
        *_rows("ours", 15.0, [0.9, 1.0, 1.1]),
        *_rows("usual", 5.0, [3.0, 3.1, 3.2]),
    ]
    others = ", ".join(name for name in JUDGED if name != "fd")
    assert list(quality._apart(rows, ["ours", "usual"], JUDGED)) == [
        f"ours, 5 minutes, against usual, 5 minutes: better: fd; intervals overlap: {others}",
        f"ours, 15 minutes, against ours, 5 minutes: intervals overlap: {', '.join(JUDGED)}",
    ]


def test_the_interval_is_student_s(quality):
    low, high = quality._interval([1.0, 2.0, 3.0])
    # 4.303 is the quantile for two degrees of freedom, 1 the standard deviation.
    assert (low, high) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)
    assert quality._interval([1.0]) == (float("-inf"), float("inf"))


@pytest.mark.parametrize(("schedule", "alone"), [("null", False), ("constant", False), ("cosine", True)])
def test_a_schedule_needs_a_training_for_each_time(quality, schedule, alone):
    overrides = (f"training.schedule={schedule}",)
    assert quality._has_schedule(quality.loaded("lecture-fashion28", 0, overrides).recipe) == alone


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_a_recipe(tuning, name):
    recipe = tuning._recipe(VARIANTS[name], 3, "training.steps=77")
    assert (recipe.training.seed, recipe.training.steps, recipe.image.shape) == (3, 77, (28, 28, 1))
