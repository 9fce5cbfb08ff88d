"""A training says at its end whose code the saved generator needs."""

from __future__ import annotations

import subprocess
import sys

import keras

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_plugins
from dcgan_kit.runs.required_imports import import_lines, import_messages


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
        f"run: import sys; sys.path.append({str(folder)!r}); import doubtful"
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


TAIL = """
@component("activation")
def {name}():
    return {layer}()

@hookimpl
def dcgan_kit_components():
    return [{name}]
"""


def test_plugins_of_several_files_are_loaded_by_what_is_told(tmp_path):
    layer = """import keras
from ._two import TWO

@keras.saving.register_keras_serializable(package="several")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return TWO * inputs
"""
    package = layer.replace("Twice", "Double").replace("_two", "_own")
    folder = tmp_path / "plugins"
    (folder / "double").mkdir(parents=True)
    (folder / "_two.py").write_text("TWO = 2\n")
    (folder / "double" / "_own.py").write_text("TWO = 2\n")
    (folder / "_twice.py").write_text(layer)
    hooks = "from dcgan_kit import component, hookimpl\n"
    (folder / "twice.py").write_text(hooks + "from ._twice import Twice\n" + TAIL.format(name="twice", layer="Twice"))
    (folder / "double" / "__init__.py").write_text(hooks + package + TAIL.format(name="double", layer="Double"))
    plugins = load_plugins(PluginSettings(folders=(folder,)))
    told = (
        "import pathlib; import dcgan_kit; "
        f"dcgan_kit.list_plugins(settings=dcgan_kit.PluginSettings(folders=(pathlib.Path({str(folder)!r}),)))"
    )
    program = []
    for name, file, layer_name in (("twice", "_twice.py", "Twice"), ("double", "double/__init__.py", "Double")):
        (component,) = plugins.find(name).components
        model = _model(component.build(None, {}))
        start = f"needs {layer_name} of the plugin file {folder / file}: before keras.saving.load_model, run: "
        assert import_messages(model) == [start + told]
        assert import_lines(model) == told.split("; ")
        model.save(tmp_path / f"{name}.keras")
        program = [*import_lines(model), *program, f"keras.saving.load_model({str(tmp_path / f'{name}.keras')!r})"]
    # As an export does: the lines come before Keras.
    code = "\n".join([*program[:6], "import keras", *program[6:]])
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True)
