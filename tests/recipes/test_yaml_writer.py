"""A resolved recipe written out resolves to the same recipe, and its text means the same data."""

import json
import math
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.resolver import resolve
from dcgan_kit.recipes.shipped_schema import SCHEMA_FILE
from dcgan_kit.recipes.yaml_reader import read_text
from dcgan_kit.recipes.yaml_writer import as_data, as_value, as_yaml, flattened

SHIPPED = sorted(load_builtins().recipes.keys() - {"dcgan"})


@pytest.mark.parametrize("name", SHIPPED)
def test_the_text_of_a_resolved_recipe_is_that_recipe(name, builtins):
    recipe = load_recipe(name, (), PluginSettings()).recipe
    again = resolve(read_text(as_yaml(as_data(recipe)), "again"), builtins, name)
    assert as_data(again) == as_data(recipe)
    assert again == recipe
    assert as_yaml(as_data(again)) == as_yaml(as_data(recipe))


def test_nothing_is_left_to_a_default_of_today(resolved, whole):
    data = as_data(resolved(whole))
    assert data["data"].items() >= {"use": "data/images", "path": "faces", "fit": "crop", "background": 255}.items()
    assert data["training"]["generator"]["optimizer"]["use"] == "optimizer/adam"
    assert data["generator"]["stages"][0]["activation"] == {"use": "activation/relu"}
    assert data["generator"]["stages"][0]["bias"] is True


def test_nested_components_and_pairs_are_written_plainly(resolved, whole):
    recipe = resolved(
        whole, "generator.upsample.initializer={use: normal, stddev: 1e-5}", "generator.upsample.kernel_size=[4, 2]"
    )
    upsample = as_data(recipe)["generator"]["stages"][0]["upsample"]
    assert upsample["initializer"] == {"use": "initializer/normal", "mean": 0.0, "stddev": 1e-5}
    assert upsample["kernel_size"] == [4, 2]


@pytest.mark.parametrize(
    "text",
    ["", "no", "on", "~", "null", "true", "1e-4", "0x1F", "0o17", "010", "12:30", ".5", ".inf", ".nan", "a: b", "- a",
     "# a", "a #b", " a ", "a\n", "\na", "a\n\nb\n ", "'", '"', "\\", "\t", "é漢🙂", "a\u2028b", "\x85", "\ufeff", "\x1b",
     "%a", "@a", "&a", "*a", "!a", "<<", "=", "?", ":", "a" * 500, "a " * 100, "{", "[a]", "---", "...", "\r\n", "null\n"],
)  # fmt: skip
def test_text_stays_text(text):
    assert read_text(as_yaml({"k": text, "list": [text], "map": {"k": text}}), "s").data() == {
        "k": text,
        "list": (text,),
        "map": {"k": text},
    }
    if text not in ("", "<<"):
        assert read_text(as_yaml({text: 1}), "s").data() == {text: 1}


@pytest.mark.parametrize("number", [0.0, -0.0, 1e-5, 1e16, 1e-320, 1.7e308, 0.1, math.inf, -math.inf, 100.0, 2, -3])
def test_numbers_stay_what_they_are(number):
    read = read_text(as_yaml({"k": number}), "s").data()["k"]
    assert (repr(read), type(read)) == (repr(number), type(number))


def test_the_text_is_made_for_people(resolved, whole):
    text = as_yaml(as_data(resolved(whole, "description=Faces; a first try")))
    assert text.startswith("version: 1\ndescription: Faces; a first try\nimage:\n  size: [8, 8]\n")
    assert "latent: {use: latent/normal, size: 16, stddev: 1.0}\n" in text
    assert max(map(len, text.splitlines())) <= 160


@pytest.mark.parametrize("name", sorted(load_builtins().recipes))
def test_what_is_shipped_and_written_is_understood_by_readers_of_yaml_1_1(name, builtins):
    schema = json.loads(Path(builtins.recipes["dcgan"]).with_name(SCHEMA_FILE).read_text())
    validator = jsonschema.Draft7Validator(schema)
    texts = [builtins.recipes[name].read_text()]
    if name in SHIPPED:
        texts.append(as_yaml(as_data(load_recipe(name, (), PluginSettings()).recipe)))
    for text in texts:
        data = yaml.safe_load(text)
        validator.validate(data)
        assert data == as_json(read_text(text, "s").data())


BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_recipes_of_benchmarks_are_understood_by_readers_of_yaml_1_1(file):
    assert yaml.safe_load(file.read_text()) == as_json(read_text(file.read_text(), "s").data())


PAGES = [*(Path(__file__).parents[2] / "docs").glob("*.md"), Path(__file__).parents[2] / "README.md"]
EXAMPLES = [
    block for page in PAGES for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
]


def test_recipes_in_the_documentation_are_understood_by_readers_of_yaml_1_1():
    whole = [text for text in EXAMPLES if "version: 1" in text]
    assert len(whole) > 5
    for text in whole:
        try:
            data = read_text(text, "s").data()
        except RecipeError:
            # One page shows a recipe with mistakes.
            assert "upsmaple" in text
        else:
            assert yaml.safe_load(text) == as_json(data)


def as_json(value):
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    "text",
    ["y", "N", "yes", "Off", "on", "=", "<<", "0b101", "010", "0_7", "0o7", "0x_f", "1_000", "+12", "-1_0", "12:30", "190:20:30",
     "1:30.5", ".", "1.", "1._5", "1.2.3", ".5e3", "-.5e+3", "1.5e3", "2001-12-14", "2001-12-14 21:59:43.10 -5", "2001-12-14t21:59:43Z"],
)  # fmt: skip
def test_text_that_older_readers_take_for_something_else_is_quoted(text):
    written = as_yaml({"k": text})
    assert written == f'k: "{text}"\n'
    assert yaml.safe_load(written) == as_json(read_text(written, "s").data()) == {"k": text}
    assert yaml.safe_load(as_yaml({text: 1})) == {text: 1}


@pytest.mark.parametrize(
    "text", ["yesterday", "a.b", "no way", "on-line", "v1.2", "1.2.x", "images/2001", "-", "x=1", "~a", "dec"]
)
def test_other_text_stays_plain(text):
    assert '"' not in as_yaml({"k": text})


@pytest.mark.parametrize(
    ("number", "text"),
    [(1e-5, "1.0e-05"), (1.5e-7, "1.5e-07"), (-2e-300, "-2.0e-300"), (1e16, "1.0e+16"), (1e22, "1.0e+22"), (0.1, "0.1"), (2.0, "2.0"),
     (math.inf, ".inf"), (-math.inf, "-.inf"), (math.nan, ".nan"), (-0.0, "-0.0")],
)  # fmt: skip
def test_how_numbers_are_written(number, text):
    assert as_yaml({"k": number}) == f"{{k: {text}}}\n" or as_yaml({"k": number}) == f"k: {text}\n"


def test_a_value_in_one_line_can_be_given_as_an_override():
    data = {"a": [1e-5, "no", None, True, 'q"#'], "b": {"c d": "é"}}
    assert as_value(data) == '{"a": [1.0e-05, "no", null, true, "q\\"#"], "b": {"c d": "é"}}'
    node = overridden(read_text("version: 1", "s"), [f"x={as_value(data)}"])
    assert as_json(node.data()["x"]) == data


def test_flattened():
    data = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": 3}, {"f": []}], "g": {}}
    assert flattened(data) == {"a.b": 1, "a.c": [1, 2], "d.0.e": 3, "d.1.f": []}


def test_every_key_of_training_is_written_and_read_back(resolved, whole):
    recipe = resolved(
        whole, "training.updates=alternating", "training.latents=fresh", "training.discriminator_passes=concatenated",
        "training.accumulate=2", "training.batch_size=8", "training.penalty={use: r1, every: 16}",
        "training.augmentation={use: adaptive, augmentation: {use: diffaugment, policy: [color]}}",
        "training.schedule={use: warm_up, steps: 5, then: cosine}", "training.l2=1e-4",
        "training.generator={updates: 2, clip_norm: 1.5, l2: 0.0}", "training.discriminator={clip_value: 0.25, weight_clip: 0.01, weight_clip_when: before}",
        "training.orthogonal=1e-4",
        "training.precision=mixed_bfloat16", "training.xla=on", "training.fuse=false", "training.held_out=0.25",
        "training.keep=5", "training.recover={times: 3, rate: 0.25}",
        "distribute={strategy: mirrored, synchronized: false, cpu_devices: 2, tpu: local}",
    )  # fmt: skip
    again = resolved(as_yaml(as_data(recipe)))
    assert again == recipe
    assert again.training.penalty.options == {"weight": 10.0, "every": 16}
    assert again.training.generator.clip_norm == 1.5
    assert again.distribute == recipe.distribute
