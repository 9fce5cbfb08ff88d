"""What holds for every key of the recipe language, and for one that is added: a line in ``key_declarations.py`` is all it takes."""

import ast
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import get_origin

import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes import key_declarations, resolver, section_resolver, yaml_writer
from dcgan_kit.recipes.keys import LIST_KEYS, SLOT_KEYS, WRITTEN_IF_SET
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.schema import recipe_schema
from dcgan_kit.recipes.yaml_writer import as_data, as_value, as_yaml, flattened

NETWORKS = ("generator", "discriminator")


def keys_of(section, path=()):
    """Yield (path, section) of every key that holds no section; of a list of stages those of the first one."""
    for key, field in section.model_fields.items():
        inner = key_declarations.section_in(field.annotation)
        if inner is None or key == "order":
            yield (*path, key), section
        else:
            yield from keys_of(inner, (*path, key, *([0] if get_origin(field.annotation) is tuple else [])))


ALL = dict(keys_of(key_declarations.Recipe))
OUTSIDE_NETWORKS = [path for path in ALL if path[0] not in NETWORKS]
FOR_BOTH = {("training", key) for key in key_declarations.BothNetworks.model_fields}
# A recipe has one version, and its parents are merged before a key can be overridden.
FIXED = {("version",), ("extends",)}


def ids(path):
    return dotted(path)


def field_of(path):
    return ALL[path].model_fields[path[-1]]


NEEDS = {
    "training.latents": ["training.updates=alternating"],
    "training.generator.updates": ["training.updates=alternating"],
    "training.discriminator.updates": ["training.updates=alternating"],
    "training.best.patience": ["training.best.metric=fd", "training.evaluation.scores=[frechet]"],
}
"""What else must be said for a key to be allowed another value."""
NAMES = {"plugins": [["normalization"]], "training.best.metric": ["generator_loss"]}
"""Values of keys whose text must name something that there is."""
ORDERS = [[*ways, *rest] for ways in (["upsample"], ["downsample"], ["projection"]) for rest in (["activation"],)]


def candidates(schema):
    """Values that a key's JSON Schema allows."""
    if "anyOf" in schema:
        return [value for arm in schema["anyOf"] for value in candidates(arm)]
    if "enum" in schema:
        return schema["enum"]
    if schema["type"] == "array" and "prefixItems" in schema:
        return list(map(list, itertools.product(*map(candidates, schema["prefixItems"]))))
    if schema["type"] == "array":
        return [[value] for value in candidates(schema["items"])]
    least = schema.get("minimum", 0)
    return {
        "boolean": [True, False],
        "integer": [least + 1, least + 2],
        "number": [0.25, 0.75],
        "string": ["other"],
        "null": [],
    }[schema["type"]]


def other_values(path, builtins):
    key = path[-1]
    if key in SLOT_KEYS:
        return builtins.registry.names(key)
    if key in LIST_KEYS:
        return [[name] for name in builtins.registry.names(LIST_KEYS[key])]
    if key == "order":
        return [*ORDERS, ["head"]]
    return NAMES.get(dotted(path)) or candidates(ALL[path].model_json_schema()["properties"][key])


@pytest.fixture
def changed(resolved, whole, builtins):
    """Return a function path -> (recipe, recipe with another value of the key)."""

    def changed(path):
        needs = NEEDS.get(dotted(path), ())
        before = resolved(whole, *needs)
        for value in other_values(path, builtins):
            try:
                after = resolved(whole, *needs, f"{dotted(path)}={as_value(value)}")
            except RecipeError:
                continue
            if after != before:
                return before, after
        raise AssertionError(f"no other value of {dotted(path)} changes the recipe")

    return changed


@pytest.mark.parametrize("path", sorted(ALL.keys() - FIXED, key=dotted), ids=ids)
def test_an_override_of_a_key_changes_the_recipe_and_survives_being_written(path, changed, resolved):
    before, after = changed(path)
    text = as_yaml(as_data(after))
    assert text != as_yaml(as_data(before))
    again = resolved(text)
    assert again == after
    assert as_yaml(as_data(again)) == text


@pytest.mark.parametrize("path", OUTSIDE_NETWORKS, ids=ids)
def test_a_key_is_written_out(path, resolved, whole):
    written = flattened(as_data(resolved(whole, "condition={classes: 4}")))
    key = dotted(path)
    said = any(name == key or name.startswith(f"{key}.") for name in written)
    # What training says for both networks is written for each; no parent is left to be named.
    assert said == (path not in FOR_BOTH and path != ("extends",) and path[-1] not in WRITTEN_IF_SET)
    for role in NETWORKS if path in FOR_BOTH else ():
        assert any(name.startswith(f"training.{role}.{path[-1]}") for name in written)


def test_what_a_block_says_is_written_out(resolved, whole):
    written = as_data(resolved(whole))["generator"]["stages"][0]
    assert set(written) == {"filters", "order", "upsample", "normalization", "activation", "initializer", "bias"}


@pytest.fixture(scope="module")
def schema(builtins):
    """The JSON Schema of recipes."""
    return recipe_schema(builtins.registry)


@pytest.mark.parametrize("path", ALL, ids=ids)
def test_a_key_is_in_the_schema_and_documented(path, schema):
    definition = schema["definitions"][ALL[path].__name__] if path[:-1] else schema
    said = definition["properties"][path[-1]]["description"]
    assert said == field_of(path).description
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
    assert f"| `{path[-1]}` |" in page


def names_in(module):
    """Every word of a module's code: names, attributes, arguments, and texts that are no docstring."""
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        for word in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "arg", None)):
            if word is not None:
                yield word
        if isinstance(node, ast.Constant):
            yield node.value


@pytest.mark.parametrize("module", [resolver, section_resolver, yaml_writer], ids=lambda module: module.__name__)
def test_what_resolves_and_writes_names_no_plain_key(module):
    # The names of plugins are looked up, and a parent is merged: neither is a plain key.
    own = {"plugins", "extends"}
    plain = {path[-1] for path in OUTSIDE_NETWORKS if path[-1] not in SLOT_KEYS | LIST_KEYS.keys() | own}
    assert {"steps", "every", "range", "strategy", "l2", "silence"} <= plain
    assert plain.isdisjoint(names_in(module))


ADDED = '    stamina: int = Field(3, ge=1, le=9, description="evaluations without a better one")\n'
WITH_A_KEY_MORE = """
import json, sys, types
from pathlib import Path
import dcgan_kit.recipes
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import RecipeError

file, section, added, whole = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
source = file.read_text()
assert source.count(section) == 1
head, _, rest = source.partition(section)
docstring, end, keys = rest.partition('"\\n\\n')
module = types.ModuleType("dcgan_kit.recipes.key_declarations")
sys.modules["dcgan_kit.recipes.key_declarations"] = dcgan_kit.recipes.key_declarations = module
exec(compile(head + section + docstring + end + added + keys, str(file), "exec"), module.__dict__)

from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.resolver import resolve
from dcgan_kit.recipes.schema import recipe_schema
from dcgan_kit.recipes.yaml_reader import read_text
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml, flattened

plugins = load_builtins()
def resolved(text, *overrides):
    return resolve(overridden(read_text(text, "r"), overrides), plugins, "r")
key = sys.argv[5]
default, other = resolved(whole.read_text()), resolved(whole.read_text(), f"{key}=5")
try:
    resolved(whole.read_text(), f"{key}=10")
except RecipeError as error:
    problem = str(error)
print(json.dumps({
    "default": flattened(as_data(default))[key],
    "other": flattened(as_data(other))[key],
    "again": resolved(as_yaml(as_data(other))) == other != default,
    "problem": problem,
    "schema": "evaluations without a better one" in json.dumps(recipe_schema(plugins.registry)),
}))
"""


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ("class Course(Strict):\n", "training"),
        ("class Best(Strict):\n", "training.best"),
        ("class TrainingOfNetwork(Strict):\n", "training.generator"),
        ("class Recipe(Strict):\n", ""),
    ],
)
def test_adding_a_key_takes_one_line(section, path):
    """The line is added to a copy of the declaration, in a process of its own."""
    key = f"{path}.stamina".lstrip(".")
    whole = Path(__file__).parent / "broken" / "parents" / "whole.yaml"
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_KEY_MORE, key_declarations.__file__, section, ADDED, str(whole), key],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "default": 3,
        "other": 5,
        "again": True,
        "problem": f"override:1:{len(key) + 2}: {key}: must be at most 9 (given: 10 (a whole number))",
        "schema": True,
    }
