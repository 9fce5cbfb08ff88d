"""What holds for every built-in component, whatever its kind."""

from __future__ import annotations

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import activation, normalization, projection, upsample

from dcgan_kit.components.plugin_loader import load_builtins

PLUGINS = load_builtins().plugins
COMPONENTS = [component for plugin in PLUGINS for component in plugin.components]
# They have no default for where the images are.
REQUIRED = {("data", name): {"path"} for name in ("images", "image_zip", "npy", "npz", "tfrecord")}
REQUIRED |= {("data", name): {"name"} for name in ("keras_dataset", "tfds", "hugging_face")}


def test_every_plugin_loads():
    assert [(plugin.name, plugin.error) for plugin in PLUGINS if plugin.status != "loaded"] == []


@pytest.mark.parametrize("component", COMPONENTS, ids=str)
def test_options_have_defaults_and_descriptions(component):
    fields = component.options.model_fields
    required = {name for name, field in fields.items() if field.is_required()}
    assert required == REQUIRED.get((component.kind, component.name), set())
    assert [name for name, field in fields.items() if not field.description] == []
    if not required:
        component.options()


@pytest.mark.parametrize("component", COMPONENTS, ids=str)
def test_documentation_begins_with_one_sentence_and_its_shapes(component):
    assert component.summary.endswith(".")
    if component.kind not in ("initializer", "optimizer", "data") and component.name != "none":
        assert "→" in component.summary


def test_listing_components_imports_nothing_heavy():
    code = """
import json, sys
from dcgan_kit.components.plugin_loader import load_builtins
names = [component.name for plugin in load_builtins().plugins for component in plugin.components if component.options]
print(json.dumps(sorted({"tensorflow", "keras", "numpy", "PIL"} & set(sys.modules))))
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(output) == []


def test_a_generator_of_stock_layers_loads_in_plain_keras(layers_of, noise, tmp_path):
    chain = [
        (projection.dense, {}),
        (normalization.batch, {}),
        (activation.prelu, {}),
        (upsample.transposed_conv, {}),
        (normalization.layer, {}),
        (activation.gelu, {}),
        (upsample.resize_conv, {}),
        (normalization.instance, {}),
        (activation.tanh, {"low": 0.0}),
    ]
    inputs = outputs = keras.Input((10,))
    for component, options in chain:
        for layer in layers_of(component, tuple(outputs.shape[1:]), **options):
            outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    z = noise(3, 10)
    model.save(tmp_path / "generator.keras")
    np.save(tmp_path / "z.npy", z)
    code = """
import sys, keras, numpy as np
folder = sys.argv[1]
model = keras.saving.load_model(folder + "/generator.keras")
np.save(folder + "/images.npy", model(np.load(folder + "/z.npy")))
assert not any(name.startswith("dcgan_kit") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), model(z), atol=1e-6)
