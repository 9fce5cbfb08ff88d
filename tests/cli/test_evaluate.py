from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = (
    "training.steps=2", "training.batch_size=4", "training.sample_grid=[2, 2]", "training.held_out=0.2",
    "training.ema=0.5",
)  # fmt: skip
QUICK = ("--scores", "kid,spectrum", "--extractor", "random_convolution", "--samples", "40")


@pytest.fixture(scope="module")
def run(command, tmp_path_factory):
    """A finished run that holds images out."""
    path = tmp_path_factory.mktemp("evaluate") / "run"
    command("train", "tiny-fashion28", *SMALL, "--run", path)
    return path


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of images of noise, 16x16x3, and an array of smaller ones."""
    top = tmp_path_factory.mktemp("folders")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    for number, image in enumerate(pixels):
        file = top / ("fake" if number % 2 else "real") / f"{number:02d}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(file)
    np.savez(top / "small.npz", x=pixels[:, ::2, ::2])
    return top


def test_a_score_that_breaks_on_samples_is_no_success(command, folders, monkeypatch):
    """The others are shown, what broke is named, and the status says that it did."""
    from dcgan_kit_plugins.score import power_spectrum

    known = power_spectrum.radial_difference
    answers = iter([known, lambda fake, real: {}["no such ring"]])
    monkeypatch.setattr(power_spectrum, "radial_difference", lambda fake, real: next(answers)(fake, real))
    paths = ("--fake", folders / "fake", "--real", folders / "real", "--extractor", "random_convolution", "--json")
    result = command("evaluate", *paths, status=2)
    assert (
        result.stderr.count("spectrum is missing from this evaluation: score score/spectrum: compare failed: KeyError")
        == 1
    )
    found = json.loads(result.stdout)
    assert "kid" in {number["number"] for number in found["numbers"]}
    assert any(note.startswith("spectrum is missing") for note in found["notes"])


def test_a_run_is_judged_by_every_score(command, run):
    result = command("evaluate", run, "--samples", 100)
    for number in ("fd", "kid", "precision", "coverage", "classifier_score", "memorization_z", "checkerboard_4", "js"):
        assert re.search(rf"(^| ){number} ", result.stdout, re.MULTILINE)
    assert "features by fashion_classifier@826f4525: it learned from these images" in result.stderr
    written = json.loads((run / "evaluation.json").read_text())
    assert written["of"] == {"run": str(run), "step": 2, "best": False, "raw": False}
    by_number = {entry["number"]: entry for entry in written["numbers"]}
    assert by_number["fd"]["name"].startswith("fd[fashion_classifier@826f4525,28x28x1,n=100,val=800@")
    # Two steps make no clothes.
    assert by_number["fd"]["value"] > 10 * by_number["fd"]["floor"] > 0.0
    assert by_number["coverage"]["value"] < 0.3 < by_number["coverage"]["floor"]
    assert not [file for file in run.iterdir() if file.name.startswith(".")]
    assert [entry["judge"] for entry in written["judges"]] == [
        "fashion_classifier",
        "random_convolution",
        "fashion_reconstruction",
        "sliced_wasserstein",
        "spectrum",
    ]
    assert re.search(r"^fashion_reconstruction +shapes +fd ", result.stdout, re.MULTILINE)
    assert result.stderr.count("the distance of real images") == 1
    again = command("evaluate", run, "--samples", 100, "--scores", "kid", "--judges", "--raw", "--against", run)
    assert re.search(r"(closer|farther) than run by", again.stderr)
    assert " run " in next(line for line in again.stdout.splitlines() if line.startswith("judge "))
    command("evaluate", run, "--samples", 100, "--extractor", "random_convolution")
    assert "judges" not in json.loads((run / "evaluation.json").read_text())


def test_each_class_is_a_row_of_a_second_table(command, classed_file, tmp_path):
    command("train", classed_file, "--run", tmp_path / "run")
    names = ("--scores", "spectrum", "--class-scores", "kid", "--extractor", "self_classifier:steps=3")
    result = command("evaluate", tmp_path / "run", *names)
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[0] for row in rows if row and row[0] == "class_accuracy"] == ["class_accuracy"]
    assert [row[0] for row in rows if row and row[0] in "012"] == ["0", "1", "2"]
    assert "kid needs 20 images of a class on each side, also for the floor" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        ((), "has no classes to score one by one; leave the option out"),
        (("--fake", "a", "--real", "b"), "--class-scores is about the classes of a RUN folder: give one"),
    ],
)
def test_scores_of_classes_that_are_not_there_are_refused(arguments, reported, command, run):
    subject = arguments or (run,)
    assert reported in command("evaluate", *subject, "--class-scores", "kid", status=2).stderr


def test_json_says_the_same_as_the_file_and_twice_the_same(command, run):
    first = json.loads(command("evaluate", run, *QUICK, "--json").stdout)
    assert first == json.loads((run / "evaluation.json").read_text())
    assert first == json.loads(command("evaluate", run, *QUICK, "--json").stdout)
    assert {entry["number"] for entry in first["numbers"]} == {"kid", "spectrum_db", "high_band_db"}


def test_the_generator_itself_is_another_one_than_its_average(command, run):
    of = [json.loads(command("evaluate", run, *QUICK, *raw, "--json").stdout) for raw in ((), ("--raw",))]
    assert of[0]["numbers"][0]["value"] != of[1]["numbers"][0]["value"]
    assert (of[0]["of"]["raw"], of[1]["of"]["raw"]) == (False, True)
    kept = [json.loads((run / name).read_text()) for name in ("evaluation.json", "evaluation-raw.json")]
    assert kept == of, "one does not take the other's place"


def test_other_evaluations_are_shown_beside_only_if_they_were_measured_alike(command, run, tmp_path):
    command("evaluate", run, *QUICK)
    before = tmp_path / "before.json"
    before.write_bytes((run / "evaluation.json").read_bytes())
    assert " before.json " in command("evaluate", run, *QUICK, "--against", before).stdout
    (run / "evaluation.json").unlink()
    reported = command("evaluate", run, *QUICK[:-1], 41, "--against", before, status=2).stderr
    assert "cannot be compared" in reported
    assert "number of samples: 40 and 41" in reported
    written = json.loads((run / "evaluation.json").read_text())
    assert written["numbers"][0]["protocol"]["samples"] == 41, "the work is not lost"
    assert (
        "is no evaluation of dcgan-kit" in command("evaluate", run, "--against", run / "recipe.yaml", status=2).stderr
    )
    assert (
        "there is no such file or folder" in command("evaluate", run, "--against", tmp_path / "none", status=2).stderr
    )


def test_images_from_anywhere(command, folders):
    result = command("evaluate", "--fake", folders / "fake", "--real", folders / "real", "--scores", "kid,frechet")
    measured = next(line for line in result.stdout.splitlines() if "[random_convolution@" in line)
    assert "kid" in measured
    assert "16x16x3,n=20,real=10@" in result.stdout
    assert "there are no labels to learn from" in result.stderr
    assert "half of the real images" in result.stderr
    assert "the floor uses 10 real images, because there are no more" in result.stderr


def test_a_run_is_compared_in_another_size(command, run):
    result = command("evaluate", run, "--scores", "kid,spectrum", "--size", "14x14x3", "--samples", "40")
    assert "random_convolution@" not in result.stdout
    assert "self_classifier@" in result.stdout
    assert "-antialiased" not in result.stdout
    assert "14x14x3 resized,n=40,val=800@" in result.stdout
    assert "--size: height, width and 1 to 4 channels" in command("evaluate", run, "--size", "14", status=2).stderr
    assert "only grey images and RGB images" in command("evaluate", run, "--size", "14x14x4", status=2).stderr


def test_images_of_two_sizes_need_one(command, folders):
    both = ("--fake", folders / "small.npz", "--real", folders / "real", "--scores", "kid")
    assert "give --size, e.g. --size 16x16x3" in command("evaluate", *both, status=2).stderr
    sides = ("--fake", folders / "fake", "--real", folders / "real", "--scores", "kid", "--size")
    assert "[random_convolution@" in command("evaluate", *sides, "8x8x1").stdout
    assert "8x8x1 resized" in command("evaluate", *sides, "8x8x1").stdout
    for wrong in ("8", "8x8x7", "0x8x1", "axbxc"):
        assert "--size: height, width and 1 to 4 channels" in command("evaluate", *sides, wrong, status=2).stderr


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        ((), "give one of: a RUN folder; --fake and --real; --calibrate"),
        (("--calibrate", "--fake", "a", "--real", "b"), "give one of"),
        (("--fake", "a"), "--fake and --real go together"),
        (("nowhere",), "there is no such folder"),
        (("--calibrate", "--size", "8x8x1"), "--size is for a RUN, or for --fake and --real"),
        (("--fake", "a", "--real", "b", "--best"), "--best is about the networks of a RUN folder"),
        (("--calibrate", "--raw"), "--raw is about the networks of a RUN folder"),
        (("nowhere", "--against", "other", "--json"), "give it without --json"),
        (("--calibrate", "--against", "other"), "give it without --calibrate"),
        (("--fake", "a", "--real", "b"), "b: there is no such folder"),
    ],
)
def test_mistakes_are_told(command, arguments, reported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert reported in command("evaluate", *arguments, status=2).stderr


def test_mistakes_about_a_run_are_told(command, run):
    for arguments, reported in (
        (("--scores", "kit"), "unknown score 'kit'. Did you mean 'kid'"),
        (("--extractor", "random"), "unknown extractor 'random'"),
        (("--scores", "classifier_score", "--extractor", "random_convolution"), "the extractor knows no classes"),
        (("--extractor", "inception_v3:path=/nowhere.h5"), "no file /nowhere.h5: put the ImageNet weights there"),
        (("--samples", "4", "--scores", "density_coverage"), "need at least 6 images. Received: 4"),
        (("--best",), "e.g. fd, a number of the score frechet in training.evaluation.scores"),
        (("--scores", "fd"), "unknown score 'fd': that is a number of the score frechet"),
    ):
        assert reported in command("evaluate", run, *arguments, status=2).stderr


def test_wrong_names_are_told_before_tensorflow_starts(command, run, monkeypatch):
    monkeypatch.setattr("dcgan_kit.process.tensorflow_startup.start_tensorflow", lambda: pytest.fail("was started"))
    assert "unknown score 'kit'" in command("evaluate", run, "--scores", "frechet,kit", status=2).stderr
    assert "no option 'sise'" in command("evaluate", "--calibrate", "--scores", "kid:sise=3", status=2).stderr


def test_a_run_that_holds_nothing_out_says_so(command, tmp_path):
    path = tmp_path / "run"
    command("train", "tiny-fashion28", *SMALL[:-2], "--run", path)
    result = command("evaluate", path, *QUICK)
    assert "no images are held out of training (training.held_out)" in result.stderr
    assert ",train=2000@" in result.stdout
    reported = command("evaluate", path, "--scores", "memorization", status=2).stderr
    assert "memorization cannot be used: it needs images that were held out" in reported


def test_the_score_that_the_page_about_plugins_shows(command, run, tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    (code,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        if '@component("score")\ndef brightness' in block
    )
    (tmp_path / "brightness.py").write_text(code)
    result = command("evaluate", run, "--scores", "brightness", "--samples", 20, "--plugins-dir", tmp_path)
    assert re.search(r"^\[28x28x1,n=20,val=800@\w+\] +brightness$", result.stdout, re.MULTILINE)


def test_calibration_spoils_images_and_the_scores_tell(command):
    asked = ("--scores", "kid,density_coverage,spectrum,checkerboard,memorization", "--samples", 300)
    result = command("evaluate", "--calibrate", *asked, "--json")
    measured = {
        fault: {name.partition("[")[0]: value for name, value in numbers.items()}
        for fault, numbers in json.loads(result.stdout)["numbers"].items()
    }
    real = measured["real"]
    for fault in ("noise", "blur", "a class missing", "five classes", "ten images"):
        assert measured[fault]["kid"] > real["kid"] + 0.01, fault
    for fault in ("noise", "blur", "five classes", "ten images"):
        assert measured[fault]["coverage"] < real["coverage"] - 0.1, fault
    assert measured["ten images"]["coverage"] < 0.1
    assert measured["noise"]["high_band_db"] > 1.0
    assert measured["blur"]["high_band_db"] < -5.0
    assert measured["checkerboard"]["checkerboard_2"] > real["checkerboard_2"] + 0.2
    assert measured["copies"]["memorization_ratio"] == 0.0
    assert measured["copies"]["memorization_z"] < -20.0
    assert abs(real["memorization_ratio"] - 1.0) < 0.1
    table = command("evaluate", "--calibrate", "--scores", "spectrum", "--samples", 50)
    assert "a class missing" in table.stdout
    assert "50 images of each, compared with 1334 real images" in table.stderr
    assert "samples. Received: 2000" in command("evaluate", "--calibrate", "--samples", 2000, status=2).stderr


@pytest.mark.parametrize("option", ["--scores", "--class-scores"])
def test_a_score_that_is_named_twice_is_refused(option, command, tmp_path):
    told = command("evaluate", tmp_path, option, "kid,spectrum,kid", status=2).stderr
    assert f"{option} names kid more than once. Received: 'kid,spectrum,kid'" in told
