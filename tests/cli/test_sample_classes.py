from __future__ import annotations

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def run(command, classed_file, tmp_path_factory):
    """A run with three classes."""
    path = tmp_path_factory.mktemp("classes") / "run"
    command("train", classed_file, "--run", path)
    return path


def test_the_file_of_a_class_has_its_number(command, run):
    command("sample", run, "--class", 2, "--seed", 1, "--count", 4)
    assert (run / "sample-1-class-2.png").is_file()


def test_without_a_class_each_comes_in_turn_and_the_command_says_so(command, run):
    told = command("sample", run, "--seed", 1, "--count", 6).stderr
    assert "6 images of step 2 from seed 1, each class in turn, from 0" in told
    assert "in turn" not in command("sample", run, "--seed", 1, "--class", 0, "--count", 6).stderr


def test_a_run_without_classes_makes_none(command, tiny_file, tmp_path):
    path = tmp_path / "run"
    command("train", tiny_file, "training.steps=1", "--run", path)
    told = command("sample", path, "--seed", 1, "--class", 1, status=2).stderr
    assert "class 1: the recipe run has no classes; leave the class out" in told
    assert "in turn" not in command("sample", path, "--seed", 1, "--count", 2).stderr


def test_rows_of_eight_go_from_one_class_to_another(command, run, tmp_path):
    command("sample", run, "--between", 2, 0, "--seed", 1, "--count", 16, "--each", tmp_path / "each")
    with Image.open(run / "sample-1-class-2-to-0.png") as grid:
        assert grid.width == 4 * grid.height
    assert len(list((tmp_path / "each").iterdir())) == 16


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("--class", 12), "class 12: the recipe run has the classes 0 to 2"),
        (("--class", "shirt"), "a class is a whole number, 0 or more. Received: 'shirt'"),
        (("--class", 1.5), "a class is a whole number, 0 or more. Received: '1.5'"),
        (("--between", 0, -1), "a class is a whole number, 0 or more. Received: '-1'"),
        (("--between", 0, 12), "class 12: the recipe run has the classes 0 to 2"),
        (("--between", 1, 1), "the way goes from one class to another; give two"),
        (("--between", 0, 1, "--class", 1), "give one of them"),
        (("--between", 0, 1, "--count", 12), "--count: must be a multiple of 8 with --between"),
    ],
)
def test_classes_that_cannot_be_drawn_are_refused(arguments, reported, command, run):
    assert reported in command("sample", run, "--seed", 1, *arguments, status=2).stderr
