"""How a recipe merges into the one that it extends."""

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.recipes.extends import merged
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.yaml_reader import read_text
from dcgan_kit.recipes.yaml_writer import as_data


def over(parent, child):
    return merged(read_text(parent, "parent"), read_text(child, "child")).data()


def test_mappings_merge_and_the_child_wins():
    assert over("a: {x: 1, y: {p: 1, q: 2}}\nb: 3", "a: {y: {q: 9}}\nc: 4") == {
        "a": {"x": 1, "y": {"p": 1, "q": 9}},
        "b": 3,
        "c": 4,
    }


def test_lists_are_replaced():
    assert over("stages: [{filters: 1, upsample: conv}, {filters: 2}]", "stages: [{filters: 3}]") == {
        "stages": ({"filters": 3},)
    }
    assert over("image: {size: [8, 8]}", "image: {size: 4}") == {"image": {"size": 4}}


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("{use: leaky_relu, negative_slope: 0.2}", "relu", "relu"),
        ("{use: leaky_relu, negative_slope: 0.2}", "{use: elu, alpha: 2}", {"use": "elu", "alpha": 2}),
        (
            "{use: leaky_relu, negative_slope: 0.2}",
            "{negative_slope: 0.3}",
            {"use": "leaky_relu", "negative_slope": 0.3},
        ),
        (
            "{use: leaky_relu, negative_slope: 0.2}",
            "{use: leaky_relu}",
            {"use": "leaky_relu", "negative_slope": 0.2},
        ),
        ("{use: leaky_relu, negative_slope: 0.2}", "leaky_relu", {"use": "leaky_relu", "negative_slope": 0.2}),
        ("leaky_relu", "{negative_slope: 0.3}", {"use": "leaky_relu", "negative_slope": 0.3}),
        ("relu", "{use: leaky_relu, negative_slope: 0.3}", {"use": "leaky_relu", "negative_slope": 0.3}),
        ("{negative_slope: 0.2}", "{use: leaky_relu}", {"use": "leaky_relu"}),
        ("{use: leaky_relu, negative_slope: 0.2}", "null", None),
        ("null", "{negative_slope: 0.2}", {"negative_slope": 0.2}),
    ],
)
def test_options_stay_only_while_the_component_does(parent, child, expected):
    assert over(f"activation: {parent}", f"activation: {child}") == {"activation": expected}


def test_the_rule_holds_for_options_that_are_components():
    parent = "upsample: {use: conv, kernel_size: 5, initializer: {use: normal, mean: 1, stddev: 2}}"
    assert over(parent, "upsample: {initializer: {stddev: 3}}")["upsample"] == {
        "use": "conv",
        "kernel_size": 5,
        "initializer": {"use": "normal", "mean": 1, "stddev": 3},
    }
    assert over(parent, "upsample: {initializer: {use: uniform, low: -1}}")["upsample"]["initializer"] == {
        "use": "uniform",
        "low": -1,
    }
    assert over(parent, "upsample: {initializer: ones}")["upsample"]["initializer"] == "ones"


def test_places_are_those_of_the_text_that_a_value_stands_in():
    node = merged(read_text("a: {x: 1, y: 2}", "parent"), read_text("\na: {y: 3}", "child"))
    assert str(node.locate(("a", "x")).mark) == "parent:1:8"
    assert str(node.locate(("a", "y")).mark) == "child:2:8"
    assert str(node.locate(("a",)).place) == "child:2:1"


@pytest.fixture
def load():
    return lambda path, *overrides: load_recipe(str(path), overrides, PluginSettings()).recipe


def test_a_relative_path_starts_from_the_file_that_says_it(tmp_path, whole, load, monkeypatch):
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "whole.yaml").write_text(whole)
    (tmp_path / "far" / "middle.yaml").write_text("version: 1\nextends: ../whole.yaml\ntraining: {steps: 20}\n")
    (tmp_path / "far" / "deep" / "leaf.yml").write_text(
        "version: 1\nextends: ../middle.yaml\ntraining: {batch_size: 4}\n"
    )
    monkeypatch.chdir("/")
    recipe = load(tmp_path / "far" / "deep" / "leaf.yml")
    assert recipe.name == "leaf"
    assert (recipe.training.steps, recipe.training.batch_size, recipe.image.shape) == (20, 4, (8, 8, 1))
    monkeypatch.chdir(tmp_path / "far" / "deep")
    assert as_data(load("leaf.yml")) == as_data(recipe)


def test_a_link_is_followed_to_where_its_parent_is(tmp_path, whole, load):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "whole.yaml").write_text(whole)
    (tmp_path / "store" / "middle.yaml").write_text("version: 1\nextends: whole.yaml\n")
    (tmp_path / "middle.yaml").symlink_to(tmp_path / "store" / "middle.yaml")
    (tmp_path / "leaf.yaml").write_text("version: 1\nextends: middle.yaml\n")
    assert load(tmp_path / "leaf.yaml").image.height == 8


def test_a_diamond_is_no_circle(tmp_path, whole, load):
    (tmp_path / "whole.yaml").write_text(whole)
    (tmp_path / "a.yaml").write_text("version: 1\nextends: ./whole.yaml\n")
    (tmp_path / "b.yaml").write_text("version: 1\nextends: ../" + tmp_path.name + "/a.yaml\n")
    assert load(tmp_path / "b.yaml").image.height == 8


def test_a_circle_is_told_whatever_the_paths_are_called(tmp_path, load):
    (tmp_path / "a.yaml").write_text("version: 1\nextends: ./b.yaml\n")
    (tmp_path / "b.yaml").write_text(f"version: 1\nextends: ../{tmp_path.name}/a.yaml\n")
    with pytest.raises(UserError, match=r"extends: goes round in a circle: "):
        load(tmp_path / "a.yaml")


def test_a_recipe_of_an_installed_plugin_can_be_extended(tmp_path, whole, load, monkeypatch):
    site = tmp_path / "site"
    (site / "cats-1.dist-info").mkdir(parents=True)
    (site / "cats-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: cats\nVersion: 1\n")
    (site / "cats-1.dist-info" / "entry_points.txt").write_text("[dcgan_kit]\ncats = cats_of_a_test\n")
    (site / "cats64.yaml").write_text(whole)
    (site / "cats_of_a_test.py").write_text(
        "from pathlib import Path\nfrom dcgan_kit import hookimpl\n"
        "@hookimpl\ndef dcgan_kit_recipes():\n    return {'cats64': Path(__file__).with_name('cats64.yaml')}\n"
    )
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: cats64\n")
    monkeypatch.syspath_prepend(site)
    assert load(tmp_path / "mine.yaml").image.height == 8
    assert load("cats64").name == "cats64"
    assert load("cats/cats64").name == "cats64"


def test_two_plugins_with_a_recipe_of_one_name(tmp_path, whole):
    (tmp_path / "dcgan.yaml").write_text(whole)
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nfrom dcgan_kit import hookimpl\n"
        "@hookimpl\ndef dcgan_kit_recipes():\n    return {'dcgan': Path(__file__).with_name('dcgan.yaml')}\n"
    )
    settings = PluginSettings(folders=(tmp_path,))
    with pytest.raises(UserError, match=r"^recipe 'dcgan' is offered by 2 plugins; write recipes/dcgan or mine/dcgan$"):
        load_recipe("dcgan", (), settings)
    assert load_recipe("mine/dcgan", (), settings).recipe.image.height == 8


def test_a_bare_name_and_the_same_name_with_its_owner_keep_the_options() -> None:
    parent = read_text("activation: {use: activation/leaky_relu, negative_slope: 0.3}", "parent")
    child = read_text("activation: leaky_relu", "child")
    assert merged(parent, child).data()["activation"]["negative_slope"] == 0.3
    stranger = read_text("activation: other/leaky_relu", "child")
    assert merged(parent, stranger).data() == {"activation": "other/leaky_relu"}


def test_an_option_that_holds_a_component_merges_like_a_slot() -> None:
    parent = read_text("normalization: {use: batch, scale_initializer: normal}", "parent")
    child = read_text("normalization: {scale_initializer: {stddev: 0.1}}", "child")
    assert merged(parent, child).data()["normalization"]["scale_initializer"] == {"use": "normal", "stddev": 0.1}
    other = read_text("normalization: {scale_initializer: {use: uniform, low: 0.5}}", "child")
    assert merged(merged(parent, child), other).data()["normalization"]["scale_initializer"] == {
        "use": "uniform",
        "low": 0.5,
    }
