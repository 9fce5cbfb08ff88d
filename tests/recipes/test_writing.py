"""A resolved recipe written out resolves to the same recipe, and its text means the same data."""

import math

import pytest

from dcgan_kit.components.plugins import PluginSettings, load_builtins
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.reading import read_text
from dcgan_kit.recipes.resolving import resolve
from dcgan_kit.recipes.writing import as_data, as_yaml, flattened

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


def test_flattened():
    data = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": 3}, {"f": []}], "g": {}}
    assert flattened(data) == {"a.b": 1, "a.c": [1, 2], "d.0.e": 3, "d.1.f": []}


def test_every_key_of_training_is_written_and_read_back(resolved, whole):
    recipe = resolved(
        whole, "training.updates=alternating", "training.latents=fresh", "training.discriminator_passes=concatenated",
        "training.accumulate=2", "training.batch_size=8", "training.penalty={use: r1, every: 16}",
        "training.augmentation={use: adaptive, augmentation: {use: diffaugment, policy: [color]}}",
        "training.schedule={use: warm_up, steps: 5, then: cosine}", "training.l2=1e-4",
        "training.generator={updates: 2, clip_norm: 1.5, l2: 0.0}", "training.discriminator={clip_value: 0.25}",
        "training.precision=mixed_bfloat16", "training.xla=on", "training.fuse=false", "training.held_out=0.25",
        "training.keep=5", "training.recover={times: 3, rate: 0.25}",
        "distribute={strategy: mirrored, synchronized: false, cpu_devices: 2, tpu: local}",
    )  # fmt: skip
    again = resolved(as_yaml(as_data(recipe)))
    assert again == recipe
    assert again.training.penalty.options == {"weight": 10.0, "every": 16}
    assert again.training.generator.clip_norm == 1.5
    assert again.distribution == recipe.distribution
