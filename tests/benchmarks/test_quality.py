"""The programs that compare recipes: which variants they train, how long, and what they make of the judges' numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from dcgan_kit import DataError, Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_plugins
from dcgan_kit.evaluation.selection import build_extractor, choice_of

FOLDER = Path(__file__).parents[2] / "benchmarks"
JUDGED = ("fd", "fd@random_convolution", "swd")


def variants(file):
    """Return the variants of a file, by name."""
    return yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))


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


def test_results_are_kept_until_another_judge_or_time_is_asked_for(quality):
    results = quality._Results(None, [], quality.EMBEDDED)
    results.rows = [*_rows("ours", 5.0, [1.0]), *_rows("ours", 15.0, [2.0])]
    assert results.has("ours", 0, [5.0, 15.0], JUDGED)
    assert not results.has("ours", 1, [5.0], JUDGED)
    assert not results.has("ours", 0, [5.0], [*JUDGED, "fd@another"])
    results.begin("ours", 0, [15.0])
    assert [row["minutes"] for row in results.rows] == [5.0]


@pytest.mark.parametrize(
    ("file", "name", "shape"),
    [
        *(("tuning.yaml", name, (28, 28, 1)) for name in variants("tuning.yaml")),
        *(("tuning64.yaml", name, (64, 64, 3)) for name in variants("tuning64.yaml")),
    ],
)
def test_every_variant_is_a_recipe(tuning, tmp_path, file, name, shape):
    data = tuning.in_file(tmp_path / "images.npz")
    recipe = tuning._recipe(variants(file)[name], 3, "training.steps=77", data=data)
    assert (recipe.training.seed, recipe.training.steps, recipe.image.shape) == (3, 77, shape)


def test_images_without_a_test_set_are_split_in_the_same_way_each_time(program):
    images = {"x": np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1), "y": np.arange(10), "paths": np.arange(10)}
    first, last = program("split_images").split(images, 3)
    assert (len(first["x"]), len(last["x"])) == (7, 3)
    assert sorted([*first["y"], *last["y"]]) == list(range(10))
    assert list(last["y"]) == list(last["x"].ravel()) == list(program("split_images").split(images, 3)[1]["y"])


def test_outside_judges_are_plugins_that_need_their_packages_only_when_they_judge(quality, monkeypatch):
    loaded = load_plugins(PluginSettings(folders=(quality.OUTSIDE,), strict=True))
    component = loaded.registry.find("extractor", "efficientnet_lite0")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DataError, match=r"torch.*: install what the head of .*efficientnet_lite0.py names"):
        build_extractor(
            choice_of("extractor", component.name, loaded.registry), Images(np.zeros((9, 8, 8, 1), np.uint8))
        )
