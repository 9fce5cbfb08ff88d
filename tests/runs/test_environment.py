"""What a run depends on beside its recipe is set, or recorded and reported by name."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.process.keras_defaults import DEFAULTS
from dcgan_kit.runs.environment import COMPARED, VARIABLES, changes_message, environment

FACTS = {
    "dcgan_kit": "0.1", "machine": "x86_64", "processor": "one", "cores": 8, "devices": "one CPU",
    "packages": {"tensorflow": "2.21.0", "keras": "3.15.0"}, "variables": {},
    "plugins": [{"name": "swish", "origin": "installed", "distribution": "swish 1.0", "status": "loaded"}],
}  # fmt: skip
OTHERS = {
    "dcgan_kit": "0.2", "machine": "arm64", "processor": "two", "cores": 4, "devices": "one GPU",
    "packages": {"tensorflow": "2.20.0", "keras": "3.15.0"}, "variables": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "plugins": [{"name": "swish", "origin": "installed", "distribution": "swish 2.0", "status": "loaded"}],
}  # fmt: skip
NAMED = {"packages": "tensorflow was 2.21.0, is 2.20.0", "variables": "TF_ENABLE_ONEDNN_OPTS was absent, is 0",
         "plugins": "plugin swish was swish 1.0, is swish 2.0"}  # fmt: skip


@pytest.fixture
def keras_of_another_kind():
    """Keras as ``keras.json``, or a program, may have set it."""
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(0.1)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_float16")
    yield
    for name, value in DEFAULTS.items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy("float32")


def test_networks_are_the_recipes_whatever_keras_was_set_to(keras_of_another_kind, resolve):
    networks = build_networks(resolve("tiny-fashion28"))
    assert keras.config.floatx() == "float32"
    for network in (networks.generator, networks.discriminator):
        assert {str(variable.dtype) for variable in network.model.trainable_variables} == {"float32"}
        assert all(layer.dtype_policy.name == "float32" for layer in network.model.layers)
        assert {getattr(layer, "data_format", "channels_last") for layer in network.model.layers} == {"channels_last"}


def test_every_global_of_keras_that_its_file_sets_is_set():
    """Its backend and ``nnx_enabled``, which is JAX's, aside; a new one would be met here."""
    from keras.src.backend import config

    read = set(re.findall(r'_config\.get\("(\w+)"', Path(config.__file__).read_text(encoding="utf-8")))
    assert read - {"backend", "nnx_enabled"} == set(DEFAULTS)
    assert {name: getattr(keras.config, name)() for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("key", COMPARED)
def test_each_change_is_told_by_name(key):
    reported = changes_message(FACTS, {**FACTS, key: OTHERS[key]})
    assert NAMED.get(key, f"{key} was {FACTS[key]}, is {OTHERS[key]}") in reported
    assert reported.count(" was ") == 1
    assert changes_message({name: value for name, value in FACTS.items() if name != key}, FACTS) == ""


def test_nothing_is_told_of_what_is_as_it_was():
    assert changes_message(FACTS, {**FACTS, "precision": "float32", "images": 3}) == ""


@pytest.mark.parametrize("odd", [None, 3, "x", [], {}, [3], {"a": {"b": []}}])
def test_what_a_stranger_wrote_into_the_file_ends_nothing(odd):
    for key in COMPARED:
        assert isinstance(changes_message({**FACTS, key: odd}, FACTS), str)


def test_variables_are_recorded(monkeypatch):
    from types import SimpleNamespace

    import numpy as np

    from dcgan_kit import Images
    from dcgan_kit.adversarial.step_choice import StepChoice, Variant

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_VAR_password", "another program's")
    choice = StepChoice(Variant("float32"), "as the recipe says")
    facts = environment(SimpleNamespace(plugins=()), choice, "one CPU", Images(np.zeros((2, 4, 4, 1), np.uint8)))
    assert facts["variables"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert facts["cores"] >= 1
    assert facts["processor"]


def test_the_documentation_names_each_variable():
    text = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    table = text.partition("## What a run depends on")[2].partition("\n## ")[0]
    assert [name for name in (*VARIABLES, *DEFAULTS) if f"`{name}`" not in table] == []
