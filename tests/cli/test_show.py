"""``dcgan-kit show`` of stages that repeat and branch."""

from __future__ import annotations

import json
import re

import pytest

RECIPE = """version: 1
extends: tiny-fashion28
generator:
  stages: [{filters: 8, repeat: 3, order: [upsample, activation, convolution], shortcut: true}]
discriminator:
  stages: [{filters: 8}, {filters: 8, repeat: 4, order: [convolution, activation], downsample: null}, {filters: 8}]
"""


@pytest.fixture
def repeated(tmp_path):
    """The path of a recipe with stages of three and of four copies."""
    file = tmp_path / "repeated.yaml"
    file.write_text(RECIPE)
    return file


def layers_in(text):
    """The first cell of each row that names a part of a stage."""
    return [match[0].rstrip() for match in re.finditer(r"^stage\S+( x\d+)?", text, re.MULTILINE)]


def test_copies_that_are_alike_are_shown_once(command, repeated):
    text = command("show", repeated).stdout
    assert layers_in(text) == [
        "stage1.1_upsample", "stage1.1_activation", "stage1.1_convolution", "stage1.1_shortcut_upsample",
        "stage1.1_join", "stage1.2_activation x2", "stage1.2_convolution x2", "stage1.2_join x2",
        "stage1_downsample", "stage1_normalization", "stage1_activation",
        "stage2.1_convolution x4", "stage2.1_activation x4",
        "stage3_downsample", "stage3_normalization", "stage3_activation",
    ]  # fmt: skip
    assert "'x2' stands for two equal copies of a stage, and --unfold shows each." in text


def test_unfold_shows_every_copy(command, repeated):
    text = command("show", repeated, "--unfold").stdout
    assert [name for name in layers_in(text) if name.endswith("_join")] == [f"stage1.{n}_join" for n in (1, 2, 3)]
    assert " x" not in "".join(layers_in(text))
    assert "--unfold" not in text


def test_json_has_every_copy(command, repeated):
    found = json.loads(command("show", repeated, "--json").stdout)
    names = [layer["name"] for layer in found["generator"]["layers"]]
    assert {f"stage1.{n}_join" for n in (1, 2, 3)} <= set(names)
    assert found == json.loads(command("show", repeated, "--json", "--unfold").stdout)


def test_nothing_is_folded_without_repeats(command):
    assert "--unfold" not in command("show", "tiny-fashion28").stdout


def test_a_difference_names_the_item(command, repeated, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace("activation, convolution]", "activation, convolution: {kernel_size: 5}]"))
    text = command("show", other, "--diff", repeated).stdout
    assert re.search(r"generator\.stages\.0\.order\.2\.convolution\.kernel_size +5 +-", text)


def test_a_picture_is_written_and_no_table(command, repeated, tmp_path):
    picture = tmp_path / "new" / "networks.svg"
    result = command("show", repeated, "--picture", picture)
    assert result.stdout == ""
    assert re.search(r"networks\.svg: \d+ KiB, the networks of repeated", result.stderr)
    once = picture.read_text()
    assert "stage1.2 x 2" in once
    command("show", repeated, "--picture", picture, "--unfold")
    assert "stage1.3</text>" in picture.read_text()
    command("show", repeated, "--picture", picture)
    assert picture.read_text() == once
    assert list(picture.parent.iterdir()) == [picture]


def test_a_picture_must_be_an_svg(command, tmp_path):
    result = command("show", "tiny-fashion28", "--picture", tmp_path / "networks.png", status=2)
    assert "networks.png: a picture of networks is an SVG; give a name that ends in .svg" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_replaced_by_a_picture(command, tmp_path):
    (tmp_path / "folder.svg").mkdir()
    result = command("show", "tiny-fashion28", "--picture", tmp_path / "folder.svg", status=2)
    assert "folder.svg: cannot be written: is a folder. Choose another file" in result.stderr


@pytest.mark.parametrize("other", [["--json"], ["--diff", "lecture-fashion28"]])
def test_a_picture_is_of_one_recipe_and_alone(command, tmp_path, other):
    result = command("show", "tiny-fashion28", "--picture", tmp_path / "networks.svg", *other, status=2)
    assert f"leave out {other[0]}" in result.stderr
