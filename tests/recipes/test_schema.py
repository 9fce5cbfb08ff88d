"""The JSON Schema: valid itself, true of every shipped recipe, and false of broken ones."""

import json
from pathlib import Path

import jsonschema
import pytest

from dcgan_kit.components.component import component
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.components.registry import Registry
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.schema import recipe_schema, schema_text
from dcgan_kit.recipes.shipped_schema import SCHEMA_FILE, shipped_schema
from dcgan_kit.recipes.yaml_reader import read_text

RECIPES = load_builtins().recipes


def plain(value):
    """Data as JSON has it: lists for tuples."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.fixture(scope="session")
def validator(builtins):
    schema = recipe_schema(builtins.registry)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_every_reference_leads_somewhere(validator):
    definitions = validator.schema["definitions"]

    def check(part):
        if isinstance(part, dict):
            if "$ref" in part:
                assert part["$ref"].removeprefix("#/definitions/") in definitions
            for value in part.values():
                check(value)
        elif isinstance(part, list):
            for value in part:
                check(value)

    check(validator.schema)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_shipped_recipe_is_valid(validator, name):
    validator.validate(plain(read_file(RECIPES[name]).data()))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_shipped_recipe_points_editors_to_the_schema(name):
    assert RECIPES[name].read_text().startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")


def test_the_shipped_schema_is_what_the_built_ins_give(builtins):
    file = Path(RECIPES["dcgan"]).with_name(SCHEMA_FILE)
    assert file.read_text(encoding="utf-8") == schema_text(builtins.registry), "write it: dcgan-kit schema"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "generator: {activation: relu}",
        "generator: {activation: activation/relu}",
        "generator: {activation: {use: leaky_relu, negative_slope: 0.3}}",
        "generator: {activation: {negative_slope: 0.3}}",
        "generator: {activation: null}",
        "generator: {upsample: {use: transposed_conv, kernel_size: [4, 2], initializer: {use: normal, stddev: 1}}}",
        "image: {size: [8, 16], range: [0, 1]}",
        "training: {optimizer: {learning_rate: 1e-3}, generator: {optimizer: adam}}",
        "generator: {order: [upsample, convolution: {kernel_size: 1, filters: 8}, activation: relu]}",
        "generator: {order: [normalization: {use: batch, epsilon: 1e-3}], shortcut: {order: [upsample], scale: 0.5}}",
        "generator: {stages: [{name: wide, filters: 8, repeat: 3, shortcut: true, attention: self_attention}]}",
        "discriminator: {stages: {stage2: {filters: 8, conditioning: label_map}}, output: {head: projection}}",
        "condition: {classes: 10, generated: uniform}",
        "condition: {classes: auto}",
    ],
)
def test_what_editors_should_accept(validator, text):
    validator.validate(plain(read_text(f"version: 1\n{text}" if text != "{}" else "version: 1", "s").data()))


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "images: {}",
        "image: {size: [8, 8, 8]}",
        "image: {size: [8]}",
        "image: {size: 0}",
        "image: {size: '8'}",
        "image: {channels: 5}",
        "generator: {activation: leaky_rel}",
        "generator: {activation: max_pool}",
        "generator: {activation: {use: relu, negative_slope: 0.2}}",
        "generator: {activation: {use: leaky_relu, negative_slope: 1.5}}",
        "generator: {activation: 5}",
        "generator: {downsample: max_pool}",
        "generator: {upsample: {use: transposed_conv, kernel_size: 99}}",
        "generator: {upsample: {use: transposed_conv, initializer: {use: normal, stddev: 0}}}",
        "data: {use: images}",
        "training: {updates: both}",
        "training: {steps: 1.5}",
        "generator: {order: [upsampel]}",
        "generator: {order: [{upsample: conv, activation: relu}]}",
        "generator: {order: [convolution: {kernel_sise: 1}]}",
        "generator: {order: [convolution: {use: max_pool}]}",
        "generator: {shortcut: {join: multiply}}",
        "generator: {stages: [{repeat: 0}]}",
        "generator: {stages: [{attention: relu}]}",
        "discriminator: {output: {head: {use: projection, pool: maximum}}}",
        "condition: {classes: 1}",
        "condition: {classes: many}",
        "condition: {class: 10}",
    ],
)
def test_what_editors_should_underline(validator, text):
    assert not validator.is_valid(plain(read_text(text, "s").data()))


def test_every_key_and_component_is_described(validator):
    schema = validator.schema
    assert all(value.get("description") for value in schema["properties"].values())
    for kind in ("activation", "upsample", "data"):
        arms = schema["definitions"][kind]["anyOf"]
        assert all(arm.get("description") for arm in arms)


def test_the_options_of_a_stranger_may_have_models_of_their_own(tmp_path):
    from enum import Enum
    from typing import Annotated

    from pydantic import BaseModel, Field

    class Mode(Enum):
        FAST = "fast"
        SLOW = "slow"

    class Curve(BaseModel):
        points: list[float]
        mode: Mode = Mode.FAST

    flat = Curve(points=[0.0])

    @component("activation")
    def spline(*, curve: Annotated[Curve, Field(description="the knots")] = flat):
        """Follow a curve."""

    schema = recipe_schema(Registry([spline.owned_by("stranger")]))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    good = {"generator": {"activation": {"use": "spline", "curve": {"points": [1.0], "mode": "slow"}}}}
    bad = {"generator": {"activation": {"use": "spline", "curve": {"points": [1.0], "mode": "medium"}}}}
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_the_text_is_json(builtins):
    assert json.loads(schema_text(builtins.registry)) == recipe_schema(builtins.registry)


def test_the_shipped_schema_serves_only_where_nothing_else_is_installed(builtins, tmp_path):
    assert shipped_schema(builtins) == schema_text(builtins.registry)
    (tmp_path / "mine.py").write_text(
        "from dcgan_kit import component, hookimpl\n"
        "@component('activation')\ndef mish(): pass\n"
        "@hookimpl\ndef dcgan_kit_components(): return [mish]\n"
    )
    assert shipped_schema(load_plugins(PluginSettings(folders=(tmp_path,)))) is None
    assert shipped_schema(load_plugins(PluginSettings(blocked=frozenset({"activation"})))) is None
