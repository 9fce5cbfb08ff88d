from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dcgan_kit import ComponentError, DataError, Extractor, Images
from dcgan_kit.data.holdout import split
from dcgan_kit.evaluation.evaluator import MOST_SAMPLES, Evaluator, default_samples, split_reference, subsample
from dcgan_kit.evaluation.features import batches_of


def rows(images):
    return {image.tobytes() for image in images.batch(np.arange(len(images)))}


def test_held_out_images_are_the_reference_and_half_of_the_rest_gives_the_floor(images):
    training, held_out = split(images(200), 0.2, 0)
    reals = split_reference(training, held_out)
    assert reals.reference is held_out
    assert reals.held_out
    assert len(reals.others) == 80 == default_samples(reals)
    assert rows(reals.others) | rows(reals.rest) == rows(training)
    assert not rows(reals.reference) & rows(reals.others)


def test_without_held_out_images_halves_are_compared(images):
    reals = split_reference(images(200), None)
    assert (reals.split, reals.held_out) == ("train", False)
    assert not rows(reals.reference) & rows(reals.others)
    assert rows(reals.reference) | rows(reals.others) == rows(images(200))


def test_too_few_images_cannot_be_divided(images):
    with pytest.raises(DataError, match="3 real images: too few to divide"):
        split_reference(images(3), None)


def test_by_default_there_are_no_more_samples_than_the_floor_has(images):
    assert default_samples(split_reference(images(200), None)) == 100
    assert default_samples(split_reference(images(4 * MOST_SAMPLES, shape=(1, 1, 1)), None)) == MOST_SAMPLES


def test_some_are_chosen_by_chance_and_stay_in_order(images):
    every = images(300)
    chosen = subsample(every, 50)
    assert len(chosen) == 50
    assert (np.diff(chosen.indices) > 0).all()
    assert chosen.indices.max() > 250
    np.testing.assert_array_equal(chosen.labels, every.labels[chosen.indices])
    np.testing.assert_array_equal(subsample(every, 50).indices, chosen.indices)
    assert subsample(chosen, 50) is chosen


def test_one_pass_feeds_all_scores_and_each_number_has_a_floor(images, scores, counting):
    training, held_out = split(images(400), 0.25, 0)
    extractor = counting()
    asked = scores("frechet", "kid", "precision_recall", "density_coverage:k=3", "spectrum", "memorization")
    evaluator = Evaluator(split_reference(training, held_out), extractor.chosen, asked, 120)
    seen = extractor.seen
    fakes = images(120, seed=9)
    numbers = evaluator.evaluate(batches_of(fakes))
    assert extractor.seen - seen == 120
    by_name = {number.number: number for number in numbers}
    assert list(by_name) == [
        "fd", "kid", "precision", "recall", "density", "coverage", "spectrum_db", "high_band_db",
        "memorization_ratio", "memorization_z",
    ]  # fmt: skip
    assert all(number.floor is not None and np.isfinite(number.floor) for number in numbers)
    # Fakes are noise of the same law, and so are the others.
    assert by_name["fd"].value == pytest.approx(by_name["fd"].floor, rel=0.5)
    assert by_name["fd"].name.startswith("fd[pooled@k0,8x8x1,n=120,val=100@")
    assert by_name["density"].name.startswith("density[k=3,pooled@k0,")
    assert by_name["spectrum_db"].name.startswith("spectrum_db[8x8x1,")
    assert "+" in by_name["memorization_ratio"].protocol.fingerprint
    assert evaluator.evaluate(batches_of(fakes)) == numbers


def test_the_floor_is_what_the_others_get(images, scores, counting):
    reals = split_reference(images(400), None)
    evaluator = Evaluator(reals, counting().chosen, scores("frechet"), 200)
    (number,) = evaluator.evaluate(batches_of(reals.others))
    assert number.value == number.floor
    assert number.floor_samples == 200


def test_copies_of_training_images_are_found_and_told(images, scores, counting):
    training, held_out = split(images(400), 0.25, 0)
    reported = []
    evaluator = Evaluator(
        split_reference(training, held_out), counting().chosen, scores("memorization"), 90, note=reported.append
    )
    evaluator.evaluate(batches_of(images(90, seed=9)))
    assert reported == [], "others are no copies"
    ratio, z = evaluator.evaluate(batches_of(subsample(training, 90)))
    assert ratio.value == 0.0
    assert ratio.floor == pytest.approx(1.0, abs=0.3)
    assert z.value < -8.0 < z.floor
    (line,) = reported
    assert line.startswith("memorized: images are 0.00 times as far from training images as held-out ones are (z ")


def test_the_second_evaluator_reads_what_the_first_has_seen(images, scores, counting):
    reals, (first, second) = split_reference(images(400), None), (counting(), counting())
    for extractor in (first, second):
        Evaluator(reals, extractor.chosen, scores("frechet", "kid"), 200)
    assert (first.seen, second.seen) == (400, 0)


def test_pixels_alone_need_no_extractor(images, scores, counting):
    extractor = counting()
    Evaluator(split_reference(images(40), None), extractor.chosen, scores("spectrum", "checkerboard"), 20)
    assert extractor.seen == 0


def test_another_number_of_images_than_told_is_refused(images, scores, counting):
    evaluator = Evaluator(split_reference(images(40), None), counting().chosen, scores("spectrum"), 20)
    with pytest.raises(DataError, match=r"20 images were expected\. Received: 19"):
        evaluator.evaluate(batches_of(images(19)))


@pytest.mark.parametrize(
    ("numbers", "reported"),
    [
        ({"own": float("nan")}, "must return finite numbers called own. Received: own = nan"),
        ({"other": 1.0}, "must return finite numbers called own. Received: other = 1.0"),
    ],
)
def test_a_score_that_breaks_its_contract_is_named(images, counting, own_score, numbers, reported):
    score = own_score(lambda sides: numbers)
    with pytest.raises(ComponentError, match=f"^score tests/own: {reported}"):
        Evaluator(split_reference(images(40), None), counting().chosen, [score], 20)


def test_a_score_that_raises_is_named(images, counting, own_score):
    def compare(sides):
        return {"own": 1.0 / 0}

    with pytest.raises(
        ComponentError, match=r"^score tests/own: compare failed: ZeroDivisionError: .*test_evaluator\.py:\d+"
    ):
        Evaluator(split_reference(images(40), None), counting().chosen, [own_score(compare)], 20)


def test_an_extractor_that_loses_images_is_named(images, counting, scores):
    broken = replace(counting().chosen, extractor=Extractor(lambda pixels: None, "k"))
    with pytest.raises(
        ComponentError, match=r"extractor tests/pooled: must return one row of features for each of 20 images"
    ):
        Evaluator(split_reference(images(40), None), broken, scores("frechet"), 20)


def test_scores_without_a_value_are_told_in_a_sentence_or_left_out(images, counting, scores):
    asked = scores("precision_recall:k=5", "spectrum")
    reals, reported = split_reference(images(8), None), []
    with pytest.raises(
        ComponentError, match=r"score score/precision_recall: the nearest 5 neighbours of an image need"
    ):
        Evaluator(reals, counting().chosen, asked, 4)
    evaluator = Evaluator(reals, counting().chosen, asked, 4, optional=True, note=reported.append)
    assert {number.number for number in evaluator.evaluate(batches_of(images(4)))} == {"spectrum_db", "high_band_db"}
    assert reported[0].startswith("precision_recall is left out: score score/precision_recall: the nearest 5")


def test_a_score_that_fails_on_some_samples_leaves_a_gap_and_is_tried_again(images, counting, own_score, scores):
    def compare(sides):
        if not float(sides.fake["total"]):
            raise RuntimeError("nothing to see")
        return {"own": 1.0}

    reported = []
    asked = [own_score(compare), *scores("spectrum")]
    evaluator = Evaluator(
        split_reference(images(40), None), counting().chosen, asked, 20, optional=True, note=reported.append
    )
    black = [np.zeros((20, *images(1).pixels.shape[1:]), np.uint8)]
    names = [{number.number for number in evaluator.evaluate(given)} for given in (black, batches_of(images(20)))]
    assert names == [{"spectrum_db", "high_band_db"}, {"own", "spectrum_db", "high_band_db"}]
    assert len(reported) == 1
    assert reported[0].startswith(
        "own is missing from this evaluation: score tests/own: compare failed: RuntimeError: nothing to see"
    )
    assert evaluator.failed == []


def nothing(sides):
    return {}


def no_value(sides):
    raise ValueError("too dark")


def broken(sides):
    raise KeyError("mood")


def leaves(sides):
    raise SystemExit(0)


def not_finite(sides):
    return {"own": float("nan")}


def no_mapping(sides):
    return [1.0]


def of_another_name(sides):
    return {"mine": 1.0}


@pytest.mark.parametrize(
    ("on_samples", "failed"),
    [
        (nothing, False), (no_value, False),
        (broken, True), (leaves, True), (not_finite, True), (no_mapping, True), (of_another_name, True),
        (lambda sides: None, True), (lambda sides: {"own": None}, True),
    ],
)  # fmt: skip
def test_a_score_that_breaks_is_no_score_without_a_value(on_samples, failed, images, counting, own_score, scores):
    """Both leave a gap and a note; whoever broke is remembered, so that a command can end otherwise than well."""
    answers, reported = iter([lambda sides: {"own": 1.0}, on_samples, on_samples]), []
    asked = [own_score(lambda sides: next(answers)(sides)), *scores("spectrum")]
    evaluator = Evaluator(
        split_reference(images(40), None), counting().chosen, asked, 20, optional=True, note=reported.append
    )
    for _ in range(2):
        numbers = evaluator.evaluate(batches_of(images(20)))
        assert {number.number for number in numbers} == {"spectrum_db", "high_band_db"}
        assert len(evaluator.failed) == failed
    assert len(reported) == 2
    assert reported[0].startswith("own is missing from this evaluation: score tests/own")


def test_what_takes_long_is_told(images, scores, counting, monkeypatch):
    from dcgan_kit.data import progress

    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.0)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    reported = []
    evaluator = Evaluator(
        split_reference(images(600), None),
        counting().chosen,
        scores("kid"),
        300,
        report=lambda *line: reported.append(line),
    )
    evaluator.evaluate(batches_of(images(300)))
    assert ("reading samples", 300, 300) in reported
    assert {task for task, _, _ in reported} == {
        "reading real images", "reading more real images, for the floor", "reading samples",
        "comparing: kid", "comparing: the floor of kid",
    }  # fmt: skip


def test_resized_images_are_called_so(images, scores, counting):
    reals = replace(split_reference(images(40), None, "real"), resized=True)
    evaluator = Evaluator(reals, counting().chosen, scores("frechet"), 20)
    (number,) = evaluator.evaluate(batches_of(Images(images(20).pixels)))
    assert "8x8x1 resized,n=20,real=20@" in number.name
