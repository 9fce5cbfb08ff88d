"""Scores of each class, and how often its images are found to belong to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dcgan_kit import Extractor, Features
from dcgan_kit.data.holdout import split
from dcgan_kit.evaluation.class_accuracy import ClassFinder, Count, class_finder
from dcgan_kit.evaluation.class_scores import ClassEvaluator, images_of
from dcgan_kit.evaluation.evaluator import split_reference


def report(*_):
    pass


class Samples:
    """Stands for generated images: chosen real ones, each with the class that was asked for."""

    def __init__(self, images, classes):
        self.images, self.classes = images, classes

    def kept(self, report):
        report(len(self.classes), len(self.classes))
        return self.images.batch(np.arange(len(self.classes)))


@pytest.fixture
def shades(images):
    """1200 images of noise in three shades, 600 dark, 400 grey, 200 bright."""
    made = images(1200)
    labels = np.repeat([0, 1, 2], [600, 400, 200])
    pixels = (made.pixels // 5 + 100 * labels[:, None, None, None]).astype(np.uint8)
    return replace(made, pixels=pixels, labels=labels, class_names=("dark", "grey", "bright"))


@pytest.fixture
def classifier(counting):
    """An extractor that knows the shades."""

    def describe(pixels):
        nearest = np.abs(pixels.mean(axis=(1, 2, 3))[:, None] - [25, 125, 225]).argmin(axis=1)
        return Features(pixels.mean(axis=2)[..., 0].astype(np.float32), np.eye(3)[nearest])

    return replace(counting().chosen, extractor=Extractor(describe, "k", classifies=True, learned_labels=True))


@pytest.fixture
def scored(shades, classifier, scores):
    """Return a function (classes asked for, scores) -> ScoredClasses of held-out images that stand for samples."""
    training, held_out = split(shades, 0.5, 0)
    reals = split_reference(*split(training, 0.3, 0))

    def scored(asked, *names):
        finder = class_finder(classifier, None, None, reals, report)
        evaluator = ClassEvaluator(reals, classifier, scores(*names), finder, True, report)
        return evaluator.evaluate(Samples(held_out, asked(held_out.labels)), 3)

    return scored


def test_each_class_is_compared_with_its_own_real_images(scored):
    right = scored(lambda labels: labels, "kid")
    swapped = scored(lambda labels: np.array([1, 0, 2])[labels], "kid")
    assert [(one.label, one.name) for one in right.classes] == [(0, "dark"), (1, "grey"), (2, "bright")]
    assert sum(one.samples for one in right.classes) == 600
    assert [abs(one["kid"]) < 0.1 * abs(swapped.classes[one.label]["kid"]) for one in right.classes[:2]] == [True] * 2
    assert right.classes[2]["kid"] == swapped.classes[2]["kid"]
    names = {number.name for one in right.classes for number in one.numbers if number.number == "kid"}
    assert len(names) == 3, "their real images differ, and so do the names"


def test_the_classes_that_are_found_are_counted_beside_those_of_real_images(scored):
    found = scored(lambda labels: np.array([0, 0, 2])[labels], "kid")
    accuracy, low, high = found.numbers
    assert (accuracy.number, accuracy.better, accuracy.floor) == ("class_accuracy", "floor", 1.0)
    wrong = 1.0 - accuracy.value
    assert wrong == pytest.approx(1 / 3, abs=0.1)
    assert low.value < accuracy.value < high.value < 1.0
    assert [one["class_accuracy"] for one in found.classes if one.samples][1:] == [1.0]
    assert found.classes[1].samples == 0
    assert found.classes[1].numbers == ()
    assert "kid needs 20 images of a class on each side" in found.notes[0]
    assert found.notes[0].endswith("left out of class 1 grey")


def test_a_score_that_needs_more_images_is_left_out_of_each_class_and_this_is_said_once(scored):
    found = scored(lambda labels: labels, "frechet", "spectrum")
    assert {number.number for one in found.classes for number in one.numbers if "class" not in number.number} == {
        "spectrum_db", "high_band_db",
    }  # fmt: skip
    (line,) = (line for line in found.notes if "frechet" in line)
    assert line == (
        "frechet needs 1000 images of a class on each side, also for the floor. So it is left out of class "
        "0 dark, 1 grey, 2 bright"
    )


def test_the_classifier_never_saw_the_real_images_that_it_classifies(shades, classifier, registry):
    training, held_out = split(shades, 0.25, 0)
    seen = split_reference(training, held_out)
    assert class_finder(classifier, None, registry, seen, report).classifier is classifier
    assert class_finder(classifier, None, registry, seen, report).unseen is held_out
    # fashion_classifier learned from the held-out images too; an extractor that does not say so is not trusted.
    silent = replace(classifier, extractor=replace(classifier.extractor, learned_labels=False))
    finder = class_finder(silent, None, registry, seen, report)
    assert finder.classifier.component.name == "self_classifier"
    assert finder.unseen is held_out
    halves = split_reference(shades, None)
    finder = class_finder(classifier, "self_classifier:steps=3", registry, halves, report)
    assert finder.classifier.component.name == "self_classifier"
    assert finder.unseen is halves.others


def test_a_class_that_the_classifier_did_not_learn_is_not_counted(shades, classifier):
    pair = replace(
        classifier,
        extractor=replace(classifier.extractor, describe=lambda p: Features(p, np.eye(2)[p[:, 0, 0, 0] // 100])),
    )
    finder = ClassFinder(pair, np.array([0, 1]), shades, "val", "28x28x1")
    dark_and_grey = replace(shades, pixels=shades.pixels[:1000], labels=shades.labels[:1000])
    assert finder.count(dark_and_grey.pixels[:600], 0) == Count(600, 600)
    assert replace(finder, unseen=dark_and_grey).count_real(report) == {0: Count(600, 600), 1: Count(400, 400)}


def test_intervals_are_those_of_wilson():
    # By hand: (8 + 1.9208) / 13.8415 ± 1.96 / 13.8415 sqrt(8 · 2 / 10 + 0.9604)
    assert Count(8, 10).interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Count(10, 10).interval == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert Count(0, 10).interval == (0.0, pytest.approx(0.2775, abs=1e-4))


def test_the_images_of_a_class_are_a_part_of_a_part(shades):
    _, part = split(shades, 0.25, 0)
    own = images_of(part, 2)
    assert set(own.labels.tolist()) == {2}
    np.testing.assert_array_equal(own.batch(np.arange(len(own))), part.batch(np.flatnonzero(part.labels == 2)))
