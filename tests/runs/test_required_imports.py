"""A training says at its end whose code the saved generator needs."""

from __future__ import annotations

import subprocess
import sys

import keras

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_plugins
from dcgan_kit.runs.required_imports import import_messages


def _model(*layers):
    return keras.Sequential([keras.Input((4, 4, 2)), *layers])


def test_keras_and_the_kit_are_not_told():
    from dcgan_kit_plugins.activation.layers import gelu_tanh
    from dcgan_kit_plugins.normalization.layers import PixelNormalization

    assert import_messages(_model(keras.layers.Conv2D(2, 3, activation="relu"), PixelNormalization())) == []
    assert import_messages(_model(keras.layers.Activation(gelu_tanh))) == []


def test_a_plugin_file_is_told_with_how_to_load_it(sample_plugins):
    folder = sample_plugins / "doubtful"
    plugin = load_plugins(PluginSettings(folders=(folder,))).find("doubtful")
    gate = next(component for component in plugin.components if component.name == "closed_gate").build(None, {})
    # Inside a model inside the model too.
    (line,) = import_messages(_model(keras.Sequential([gate])))
    assert line == (
        f"needs Gate of the plugin file {folder / 'doubtful.py'}: before keras.saving.load_model, "
        f"sys.path.append({str(folder)!r}) and import doubtful"
    )


def test_a_function_and_a_module_of_others_are_told():
    @keras.saving.register_keras_serializable(package="elsewhere")
    def halved(x):
        return x / 2

    @keras.saving.register_keras_serializable(package="elsewhere")
    class Other(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    (line,) = import_messages(_model(keras.layers.Activation(halved), Other()))
    assert line == f"needs Other, halved of {__name__}: import it before keras.saving.load_model"


def test_a_plugin_of_several_files_is_told_with_how_to_load_it(tmp_path):
    layer = """import keras
from ._two import TWO

@keras.saving.register_keras_serializable(package="several")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return TWO * inputs
"""
    (tmp_path / "_two.py").write_text("TWO = 2\n")
    (tmp_path / "_twice.py").write_text(layer)
    (tmp_path / "twice.py").write_text(
        "from dcgan_kit import component, hookimpl\nfrom ._twice import Twice\n\n@component('activation')\n"
        "def twice():\n    return Twice()\n\n@hookimpl\ndef dcgan_kit_components():\n    return [twice]\n"
    )
    settings = PluginSettings(folders=(tmp_path,))
    (component,) = load_plugins(settings).find("twice").components
    model = _model(component.build(None, {}))
    (line,) = import_messages(model)
    told = f"dcgan_kit.list_plugins(settings=dcgan_kit.PluginSettings(folders=(pathlib.Path({str(tmp_path)!r}),)))"
    assert line == f"needs Twice of the plugin file {tmp_path / '_twice.py'}: before keras.saving.load_model, {told}"
    model.save(tmp_path / "model.keras")
    code = f"import sys, pathlib, keras, dcgan_kit; {told}; keras.saving.load_model(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model.keras")], check=True, capture_output=True)
