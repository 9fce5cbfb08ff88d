"""Judges: which there are, and what they say in words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.errors import UserError
from dcgan_kit.evaluation.evaluator import Number, split_reference
from dcgan_kit.evaluation.judges import Judgement, against, disagreement, judges_of
from dcgan_kit.evaluation.protocol import Protocol
from dcgan_kit.evaluation.request import Request
from dcgan_kit.evaluation.results import Evaluation, read_evaluation
from dcgan_kit.evaluation.run_scores import EvaluatedImages, calibration, evaluate

OF_PIXELS = Protocol("", "", "28x28x1", 100, 100, "val", "5e6f7a8b")


def judgement(name, value, floor, *more):
    number = Number(f"of_{name}", value, floor, "lower", OF_PIXELS, 100)
    return Judgement(name, f"{name}s", (number, *more))


def high_band(value, floor):
    return Number("high_band_db", value, floor, "floor", OF_PIXELS, 100)


@pytest.mark.parametrize(
    ("shape", "labels", "source", "expected"),
    [
        ((28, 28, 1), True, "fashion_mnist_4k", "fashion_classifier random_convolution fashion_reconstruction"),
        ((16, 16, 1), True, "fashion_mnist_4k", "self_classifier random_convolution self_reconstruction"),
        ((28, 28, 1), True, "images", "self_classifier random_convolution self_reconstruction"),
        ((28, 28, 1), False, "images", "random_convolution self_reconstruction"),
    ],
)
def test_the_judges_of_images(shape, labels, source, expected):
    images = Images(np.zeros((4, *shape), np.uint8), np.arange(4) if labels else None)
    assert [judge.name for judge in judges_of(images, source)] == [*expected.split(), "sliced_wasserstein", "spectrum"]


@pytest.mark.parametrize(
    ("judgements", "said"),
    [
        (
            [("a", 3.0, 1.0), ("b", 6.0, 2.0)],
            "all judges tell samples from real images: from 3 times (a) to 3 times (a)",
        ),
        (
            [("a", 3.0, 1.0), ("b", 80.0, 2.0)],
            "all judges tell samples from real images: from 3 times (a) to 40 times (b)",
        ),
        ([("a", 1.5, 1.0), ("b", 6.0, 2.0)], "no judge easily tells samples from real images: from 1.5 times (a) to 3"),
        (
            [("a", 1.5, 1.0), ("b", 10.0, 2.0), ("c", 2.0, 1.0)],
            "the judges disagree: samples are hard to tell from real images for a (as) and c (cs), easy for b (bs): "
            "from 1.5 times (a) to 5 times (b)",
        ),
        ([("a", 3.0, None), ("b", 2.0, 0.0), ("c", 2.0, -1.0), ("d", 2.0, 1.0)], "from 2 times (d) to 2 times (d)"),
    ],
)
def test_what_they_say_of_one_set_of_images(judgements, said):
    (line,) = disagreement([judgement(*one) for one in judgements])
    assert said in line


def test_without_a_ratio_nothing_is_said():
    assert disagreement([]) == disagreement([judgement("a", 3.0, None)]) == ()


@pytest.mark.parametrize(
    ("value", "floor", "said"),
    [(-0.4, 0.1, "too smooth: fine detail is missing"), (0.4, 0.1, "too rough"), (0.2, -0.1, None), (0.1, None, None)],
)
def test_missing_detail_is_said(value, floor, said):
    lines = disagreement([judgement("a", 3.0, 1.0, high_band(value, floor))])
    assert len(lines) == (1 if said is None else 2)
    assert said is None or said in lines[1]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1.0, 1.0), ("closer than before by all 2 judges",)),
        ((3.0, 3.0), ("farther than before by all 2 judges",)),
        ((1.0, 3.0), ("the judges disagree: closer than before by a, farther by b",)),
        ((1.0, 2.0), ("closer than before by a",)),
        ((2.0, 2.0), ()),
    ],
)
def test_what_they_say_of_two_sets_of_images(values, said):
    before = [judgement("a", 2.0, 1.0), judgement("b", 2.0, 1.0), judgement("c", 2.0, 1.0)]
    found = [judgement(name, value, 1.0) for name, value in zip("ab", values, strict=True)]
    assert against(found, before, "before") == said


def clothes(count):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), np.uint8)
    return Images(pixels, np.arange(count) % 10)


def evaluated(request, registry, source="images", labels=True):
    images = clothes(120) if labels else replace(clothes(120), labels=None)
    batches = images.pixels[:30]
    given = EvaluatedImages({}, lambda: iter([batches]), 30, split_reference(images, None), source)
    return evaluate(request, registry, given, lambda *progress: None, lambda line: None)


def test_they_look_unless_scores_or_an_extractor_are_named(registry):
    assert [Request(judges=asked).asks_judges for asked in (None, True, False)] == [True, True, False]
    assert not Request(("kid",)).asks_judges
    assert not Request(extractor="random_convolution").asks_judges
    assert Request(("kid",), judges=True).asks_judges
    assert evaluated(Request(("spectrum",), "random_convolution"), registry).judges == ()


def test_each_judge_has_its_numbers_and_those_that_are_known_are_not_computed_again(registry, tmp_path):
    found = evaluated(Request(("kid", "frechet", "spectrum"), judges=True), registry, "fashion_mnist_4k")
    assert [one.judge for one in found.judges] == [
        "fashion_classifier",
        "random_convolution",
        "fashion_reconstruction",
        "sliced_wasserstein",
        "spectrum",
    ]
    assert all(one.numbers[0].protocol.extractor.startswith(one.judge) for one in found.judges[:3])
    assert found.judges[0].numbers == tuple(n for name in ("fd", "kid") for n in found.numbers if n.number == name)
    assert found.judges[4].numbers == tuple(n for n in found.numbers if n.number in ("spectrum_db", "high_band_db"))
    (tmp_path / "evaluation.json").write_text(json.dumps(found.as_data()))
    again = read_evaluation(tmp_path)
    assert again.judges == found.judges
    columns = found.judge_columns(again)
    assert columns["before"] == columns["samples"]
    assert columns["judge"].count("") == 4
    assert found.disagreement(again) == found.disagreement() != ()
    assert "before" not in found.judge_columns(Evaluation({}, (), ()))


def test_judges_of_other_real_images_are_not_compared(registry):
    found = evaluated(Request(("spectrum",), judges=True), registry, "fashion_mnist_4k")
    other = tuple(
        replace(one, numbers=tuple(replace(n, protocol=replace(n.protocol, samples=7)) for n in one.numbers))
        for one in found.judges
    )
    with pytest.raises(UserError, match="number of samples: 7 and 30"):
        found.judge_columns(replace(found, judges=other))


def test_a_judge_that_fails_is_told_and_the_others_stay(registry, monkeypatch):
    import dcgan_kit_plugins.extractor.reconstruction as broken

    monkeypatch.setattr(broken, "describing", lambda *arguments: 1 / 0)
    found = evaluated(Request(("spectrum",), judges=True), registry, "fashion_mnist_4k")
    assert "fashion_reconstruction" not in [one.judge for one in found.judges]
    assert len(found.judges) == 4
    assert any("the judge fashion_reconstruction is missing from this evaluation" in note for note in found.notes)


def test_each_judge_is_calibrated(registry):
    request = Request(("kid",), samples=20, judges=True)
    quiet = [lambda *progress: None, lambda line: None]
    found = calibration(request, registry, clothes(300), "fashion_mnist_4k", *quiet)
    names = [(n.protocol.extractor.partition("@")[0], n.number) for n in found.numbers["blur"]]
    assert ("fashion_classifier", "kid") in names
    assert {("fashion_reconstruction", "fd"), ("random_convolution", "fd"), ("", "swd"), ("", "spectrum_db")} <= {
        *names
    }
    assert {fault: len(numbers) for fault, numbers in found.numbers.items()} == dict.fromkeys(found.numbers, len(names))
