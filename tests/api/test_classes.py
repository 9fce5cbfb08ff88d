"""Runs with classes: samples of a class, scores of each class."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import dcgan_kit
from dcgan_kit.api.evaluations import read_evaluation
from dcgan_kit.errors import DataError, UserError


@pytest.fixture(scope="module")
def run(classed_file, tmp_path_factory):
    """A finished run with three classes, of two steps."""
    return dcgan_kit.train(str(classed_file), tmp_path_factory.mktemp("classes") / "run", watcher=dcgan_kit.Quiet())


@pytest.fixture(autouse=True)
def _own_cache(cache):
    """See ``cache``."""


def test_the_scores_of_each_class_stand_beside_those_of_all(run):
    evaluation = run.evaluate(
        ["spectrum"], class_scores=["kid", "spectrum"], extractor="self_classifier:steps=40", watcher=dcgan_kit.Quiet()
    )
    accuracy = {number.number: number for number in evaluation.numbers}["class_accuracy"]
    assert accuracy.floor > 0.8
    assert accuracy.name.startswith("class_accuracy[self_classifier@")
    assert [one.label for one in evaluation.classes] == [0, 1, 2]
    shares = np.array([one.samples for one in evaluation.classes]) / accuracy.protocol.samples
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.06)
    assert evaluation.classes[0]["kid"] > 0.0
    columns = evaluation.class_columns()
    assert list(columns)[:5] == ["class", "samples", "real images", "kid", "kid, real"]
    assert columns["class_accuracy"][0].endswith(")")
    assert columns["kid"][2] == "-", "ten real images of a class are too few"
    written = json.loads((run.path / "evaluation.json").read_text())
    assert written["classes"][0]["numbers"][0]["number"] == "kid"
    assert read_evaluation(run.path).classes == evaluation.classes


def test_named_scores_leave_the_classes_out(run):
    evaluation = run.evaluate(["spectrum"], watcher=dcgan_kit.Quiet())
    assert evaluation.classes == ()
    assert "classes" not in evaluation.as_data()
    assert "class_accuracy" not in {number.number for number in evaluation.numbers}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "classifier_score",
            "--class-scores: classifier_score cannot be used: it says nothing about the images of a sin",
        ),
        ("kiddo", "unknown score 'kiddo'. Did you mean 'kid'"),
    ],
)
def test_a_score_that_cannot_be_had_of_a_class_is_named(name, message, run):
    with pytest.raises(UserError, match=message):
        run.evaluate(["spectrum"], class_scores=[name], extractor="self_classifier:steps=3", watcher=dcgan_kit.Quiet())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "condition: the images have no labels"),
        (
            np.repeat([0, 2], 200),
            "condition.classes: the recipe has 3 classes, and no image has: 1; give each class an image",
        ),
    ],
)
def test_data_that_lost_their_classes_are_named(labels, message, run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (400, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "other.npz", x=pixels, **({} if labels is None else {"y": labels}))
    opened = dcgan_kit.open_run(run.path, overrides=[f"data.path={tmp_path / 'other.npz'}"])
    with pytest.raises(DataError, match=message):
        opened.evaluate(["spectrum"], class_scores=["kid"], watcher=dcgan_kit.Quiet())


def test_a_run_without_classes_has_none_to_score(tiny_file, tmp_path):
    brief = ("training.steps=1", "training.probing.probes=[]", "training.evaluation.scores=[]")
    run = dcgan_kit.train(str(tiny_file), tmp_path / "run", overrides=brief, watcher=dcgan_kit.Quiet())
    with pytest.raises(UserError, match=r"--class-scores: the recipe of .*run has no classes to score one by one"):
        run.evaluate(class_scores=["kid"])
    assert run.evaluate(["spectrum"], watcher=dcgan_kit.Quiet()).classes == ()


def test_a_sample_of_a_class_is_of_this_class(run):
    images = run.sample(6, seed=1, label=2)
    assert images.shape == (6, 8, 8, 1)
    np.testing.assert_array_equal(run.sample(6, seed=1)[2], images[2])
    assert (run.sample(6, seed=1)[1] != images[1]).any()


@pytest.mark.parametrize("label", [3, -1])
def test_a_class_that_is_not_there_is_named(label, run):
    with pytest.raises(UserError, match=f"class {label}: the recipe classed has the classes 0 to 2"):
        run.sample(label=label)
    with pytest.raises(UserError, match=f"class {label}: the recipe classed has the classes 0 to 2"):
        run.interpolate(0, label)


@pytest.mark.parametrize("label", [1.5, "1", [0, 1], True])
def test_a_class_is_a_whole_number(label, run):
    refused = re.escape(f"class {label}: the recipe classed has the classes 0 to 2")
    with pytest.raises(UserError, match=refused):
        run.sample(label=label)
    with pytest.raises(UserError, match=refused):
        run.interpolate(0, label)


def test_a_row_goes_from_one_class_to_another_with_one_latent_vector(run):
    rows = run.interpolate(0, 2, count=2, steps=5, seed=1)
    assert rows.shape == (2, 5, 8, 8, 1)
    np.testing.assert_array_equal(rows[:, 0], run.sample(2, seed=1, label=0))
    np.testing.assert_array_equal(rows[:, -1], run.sample(2, seed=1, label=2))
    np.testing.assert_array_equal(rows[:, ::-1], run.interpolate(2, 0, count=2, steps=5, seed=1))


def test_a_way_needs_two_classes(run):
    with pytest.raises(UserError, match="classes 1 and 1: the way goes from one class to another; give two"):
        run.interpolate(1, 1)
