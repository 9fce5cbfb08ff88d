"""A recipe from Python: where it comes from, what it says of itself, and what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dcgan_kit

TEXT = """version: 1
extends: tiny-fashion28
training: {steps: 7}
"""
MAPPING = {"version": 1, "extends": "tiny-fashion28", "training": {"steps": 7}}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    return file


def test_a_recipe_comes_from_a_name_a_path_a_text_or_a_mapping(path):
    named = dcgan_kit.load_recipe("tiny-fashion28", "training.steps=7")
    others = [dcgan_kit.load_recipe(source) for source in (path, str(path), TEXT, MAPPING)]
    assert [recipe.name for recipe in (named, *others)] == ["tiny-fashion28", "mine", "mine", "recipe", "recipe"]
    for recipe in others:
        assert recipe.differences(named) == {}
        assert recipe.resolved.training.steps == 7


@pytest.mark.parametrize(("keys", "key", "value"), [
    ({"training": {"steps": 9}}, "training.steps", 9),
    ({"training": {"steps": np.int64(9)}}, "training.steps", 9),
    ({"training": {"ema": np.float32(0.5)}}, "training.ema", 0.5),
    ({"data": {"use": "npz", "path": Path("some where.npz")}}, "data.path", "some where.npz"),
    ({"generator": {"activation": {"use": "leaky_relu", "negative_slope": 0.25}}},
     "generator.stages.0.activation.negative_slope", 0.25),
    ({"silence": ["dying_units"]}, "silence", ["dying_units"]),
    ({"description": "no: it's \"true\", [1] #2"}, "description", "no: it's \"true\", [1] #2"),
])  # fmt: skip
def test_keyword_arguments_mean_what_a_child_recipe_would(keys, key, value):
    recipe = dcgan_kit.load_recipe("tiny-fashion28", **keys)
    assert recipe.keys()[key] == value
    child = dcgan_kit.load_recipe({"version": 1, "extends": "tiny-fashion28", **keys})
    assert recipe.differences(child) == {}


@pytest.mark.parametrize(("source", "overrides", "keys", "message"), [
    ("tiny-fashion2", (), {}, "unknown recipe 'tiny-fashion2'.*Did you mean"),
    ("tiny-fashion28", ("training.stepz=3",), {}, "override:1:.*training.stepz.*Did you mean 'steps'"),
    ("tiny-fashion28", (), {"training": {"stepz": 3}}, "override:1:.*training.stepz.*Did you mean 'steps'"),
    ("tiny-fashion28", (), {"training": {"steps": object()}}, r"training.steps: a recipe holds texts.*given: object"),
    ("tiny-fashion28", (), {"training": {3: 1}}, r"training: keys are texts \(given: 3\)"),
    (TEXT.replace("steps", "stepz"), (), {}, "recipe:3:12: training.stepz: unknown key"),
    ({**MAPPING, "training": {"steps": {1, 2}}}, (), {}, "training.steps: a recipe holds texts.*given: set"),
    ({}, (), {}, "recipe:1:1"),
])  # fmt: skip
def test_what_is_wrong_is_said_with_its_key(source, overrides, keys, message):
    with pytest.raises(dcgan_kit.UserError, match=message):
        dcgan_kit.load_recipe(source, *overrides, **keys)


def test_a_mapping_that_holds_itself_is_refused():
    endless: dict[str, object] = {"version": 1}
    endless["training"] = endless
    with pytest.raises(dcgan_kit.UserError, match="nested more than 50 deep"):
        dcgan_kit.load_recipe(endless)


def test_what_it_says_loads_as_the_same_recipe(tiny_recipe):
    again = dcgan_kit.load_recipe(tiny_recipe.as_yaml())
    assert again.differences(tiny_recipe) == {}
    assert dcgan_kit.load_recipe(tiny_recipe.as_data()).differences(tiny_recipe) == {}


def test_differences_name_keys_with_both_values(tiny_recipe):
    other = dcgan_kit.load_recipe("tiny-fashion28", training={"steps": 5, "checkpoint_every": 2, "log_every": 2})
    assert tiny_recipe.differences(other) == {"training.steps": (4, 5)}


def test_it_builds_keras_models(tiny_recipe):
    generator, discriminator = tiny_recipe.build()
    images = np.asarray(generator(np.zeros((3, 32), np.float32)))
    assert images.shape == (3, 28, 28, 1)
    assert np.asarray(discriminator(images)).shape == (3, 1)


def test_check_and_summary_say_what_the_commands_say(tiny_recipe):
    assert tiny_recipe.check() == ()
    advice = dcgan_kit.load_recipe("tiny-fashion28", "discriminator.activation=relu").check()
    assert {item.lint for item in advice} == {"dying_units"}
    summary = tiny_recipe.summary()
    assert summary.generator.trainable_parameters == tiny_recipe.build()[0].count_params() - 32
    assert summary.training_memory > 0
    assert tiny_recipe.missing_data() == ""
    elsewhere = dcgan_kit.load_recipe("tiny-fashion28", data={"use": "images", "path": "nowhere"})
    assert "nowhere does not exist" in elsewhere.missing_data()


LIGHT = """
import sys, dcgan_kit
recipe = dcgan_kit.load_recipe("lecture-fashion28", training={"steps": 2})
recipe.differences(dcgan_kit.load_recipe("tiny-fashion28"))
dcgan_kit.list_components("upsample"), dcgan_kit.list_recipes(), dcgan_kit.list_plugins()
assert not {"tensorflow", "keras"} & sys.modules.keys()
assert dcgan_kit.Run and dcgan_kit.train
assert not {"tensorflow", "keras"} & sys.modules.keys()
"""


def test_what_needs_no_tensorflow_starts_none(tmp_path):
    subprocess.run([sys.executable, "-c", LIGHT], cwd=tmp_path, check=True, timeout=120)


def test_a_name_that_is_not_there_is_no_part_of_the_package():
    with pytest.raises(AttributeError, match=r"'dcgan_kit' has no attribute 'trains'"):
        dcgan_kit.trains  # noqa: B018 - the lookup is what is tried


def test_the_catalogue_is_that_of_the_commands(tmp_path):
    assert {component.name for component in dcgan_kit.list_components("upsample")} >= {"nearest", "resize_conv"}
    with pytest.raises(dcgan_kit.UserError, match=r"unknown kind 'upsampl'\. Did you mean 'upsample'"):
        dcgan_kit.list_components("upsampl")
    (component,) = dcgan_kit.find_components("upsample/resize_conv")
    assert component.kind == "upsample"
    assert "lecture-fashion28" in dcgan_kit.list_recipes()
    copy, schema = dcgan_kit.copy_recipe("tiny-fashion28", tmp_path / "mine.yaml")
    assert copy.read_text() == dcgan_kit.recipe_text("tiny-fashion28")
    assert schema.read_text() == dcgan_kit.recipe_schema()


def test_draw_writes_one_svg(tiny_recipe, tmp_path):
    file = tiny_recipe.draw(tmp_path / "networks.svg")
    assert file.read_text().startswith("<svg ")
    with pytest.raises(dcgan_kit.UserError, match=r"ends in \.svg"):
        tiny_recipe.draw(tmp_path / "networks.pdf")
