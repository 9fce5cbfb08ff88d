"""Networks of every built-in component load in a process that knows Keras, and dcgan_kit where a layer is not Keras'."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from dcgan_kit import Site
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.part_builder import as_layers
from dcgan_kit.networks.side_inputs import with_sides

OPTIONS = {
    "activation/gelu": [{"approximate": True}],
    "activation/leaky_relu": [{"negative_slope": 0.2}],
    "activation/tanh": [{"low": 0.0}],
    "normalization/batch": [{"sampling": "batch"}, {"synchronized": True}, {"scale": False, "center": False}],
    "normalization/layer": [{"over": "channels"}],
    "downsample/strided_conv": [{"kernel_size": 3, "padding": "symmetric", "groups": 2}],
    "downsample/blur_pool": [{"size": 5, "stride": 1}],
    "downsample/space_to_depth": [{"block_size": 4}],
    "downsample/max_pool": [{"pool_size": 4}],
    "upsample/pixel_shuffle": [{"factor": 4}],
    "downsample/fir": [{"taps": (1.0, 2.0, 1.0)}],
    "upsample/fir": [{"taps": (1.0, 1.0)}],
    "upsample/resize_conv": [{"interpolation": "bicubic"}],
    "upsample/transposed_conv": [{"padding": "valid"}, {"kernel_size": 5, "padding": "symmetric"}],
    "attention/self_attention": [{"pool": False, "output": False, "value_ratio": 1, "bias": True}],
    "regularizer/minibatch_stddev": [{"group_size": 2}],
    "projection/learned_constant": [{"modulate": False, "size": (2, 3)}],
    "head/dense": [{"dropout": 0.5}],
}
"""Further options of components, which bring other layers."""
OURS = {
    "activation/gelu {'approximate': True}",
    "normalization/batch {'sampling': 'batch'}",
    "normalization/pixel {}",
    "downsample/blur_pool {}",
    "downsample/blur_pool {'size': 5, 'stride': 1}",
    "downsample/fir {}",
    "downsample/fir {'taps': (1.0, 2.0, 1.0)}",
    "upsample/fir {}",
    "upsample/fir {'taps': (1.0, 1.0)}",
    "downsample/space_to_depth {}",
    "downsample/space_to_depth {'block_size': 4}",
    "upsample/pixel_shuffle {}",
    "upsample/pixel_shuffle {'factor': 4}",
    "attention/self_attention {}",
    "attention/self_attention {'pool': False, 'output': False, 'value_ratio': 1, 'bias': True}",
    "regularizer/minibatch_stddev {}",
    "regularizer/minibatch_stddev {'group_size': 2}",
    "projection/learned_constant {}",
    "projection/learned_constant {'modulate': False, 'size': (2, 3)}",
    "head/depthwise_dense {}",
    "head/depthwise_projection {}",
    "constraint/spectral {}",
    "constraint/spectral {'power_iterations': 3}",
    "constraint/equalized {}",
    "constraint/weight_standardization {}",
}
"""What needs ``import dcgan_kit``; every other network loads with Keras alone."""
SHAPES = {"projection": (6,)}
LOADING = """
import json, pathlib, sys
order, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if order == "dcgan_kit":
    import dcgan_kit
    assert "keras" not in sys.modules and "tensorflow" not in sys.modules
import keras, numpy

def load(names):
    found = {}
    for name in names:
        try:
            model = keras.saving.load_model(folder / f"{name}.keras", compile=False, safe_mode=True)
        except (TypeError, ValueError) as error:
            reported = str(error)
            assert "Could not locate" in reported or "Could not interpret initializer" in reported, error
            continue
        x = numpy.load(folder / f"{name}.npy")
        numpy.save(folder / f"{name}.{order}.npy", model(x, training=False))
        if order == "keras":
            model.save(folder / f"{name}.again.keras")
        assert {weight.dtype for weight in model.weights} <= {"float32"}, name
        found[name] = True
    return list(found)

every = json.loads((folder / f"{order}.json").read_text())
stock = [] if order == "dcgan_kit" else load(every)
import dcgan_kit
rest = load([name for name in every if name not in stock])
print(json.dumps({"stock": stock, "rest": rest}))
"""


def _cases():
    for component in load_builtins().registry:
        if KINDS[component.kind].shape_rule is None and component.kind not in ("constraint", "initializer"):
            continue
        name = f"{component.kind}/{component.name}"
        for options in ({}, *OPTIONS.get(name, ())):
            yield component, options
        if name == "constraint/spectral":
            yield component, {"power_iterations": 3}


def _layers(component, options):
    shape = SHAPES.get(component.kind, (8, 8, 16))
    validated = dict(component.options(**options))
    if component.kind == "initializer":
        return [keras.layers.Dense(3, kernel_initializer=component.build(1, validated))]
    site = Site(
        role="generator", block="stage1", slot="slot", input_shape=shape, filters=8, bias=True,
        initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.1, seed=seed), classes=3, latent_size=5,
    )  # fmt: skip
    made = component.build(site, validated)
    if component.kind != "constraint":
        return as_layers(made)
    inner = [keras.layers.Conv2D(4, 3), keras.layers.DepthwiseConv2D(3), keras.layers.SeparableConv2D(4, 3)]
    return [layer if made is None else made(layer) for layer in inner]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of saved networks, their inputs, and what each is: {file: "kind/name {options}"}; and their outputs."""
    folder = tmp_path_factory.mktemp("networks")
    every, outputs = {}, {}
    for number, (component, options) in enumerate(_cases()):
        layers = _layers(component, options)
        inputs = tensor = keras.Input(SHAPES.get(component.kind, (8, 8, 16)))
        flat = keras.layers.Flatten()(inputs)
        sides = {"label": keras.layers.Dense(3)(flat), "latent": keras.layers.Dense(5)(flat)}
        for layer in layers:
            tensor = layer(with_sides(layer, tensor, sides))
        model = keras.Model(inputs, tensor)
        # As a training in mixed precision leaves it: in_float32 sets every policy back before it saves.
        for policy in ("mixed_bfloat16", "float32"):
            for layer in model._flatten_layers(include_self=False):
                layer.dtype_policy = policy
        x = np.random.default_rng(number).standard_normal((4, *inputs.shape[1:])).astype("float32")
        name = f"{number:03d}"
        every[name] = f"{component.kind}/{component.name} {options}"
        outputs[name] = np.asarray(model(x, training=False))
        np.save(folder / f"{name}.npy", x)
        model.save(folder / f"{name}.keras")
    (folder / "keras.json").write_text(json.dumps(every))
    # What Keras loads by itself need not be tried again.
    (folder / "dcgan_kit.json").write_text(json.dumps({name: of for name, of in every.items() if of in OURS}))
    return folder, every, outputs


@pytest.mark.parametrize("order", ["dcgan_kit", "keras"])
def test_networks_of_every_component_load_elsewhere(order, saved):
    folder, every, outputs = saved
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", LOADING, order, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {every[name] for name in found["rest"]} == OURS
    loaded = sorted(found["stock"] + found["rest"])
    if order == "keras":
        assert loaded == sorted(every)
    for name in loaded:
        given = np.load(folder / f"{name}.{order}.npy")
        np.testing.assert_allclose(given, outputs[name], atol=1e-5, err_msg=every[name])


def test_initializers_and_every_other_kind_of_layer_are_tried(saved):
    _, every, _ = saved
    tried = {name.partition("/")[0] for name in every.values()}
    assert tried == {kind for kind in KINDS if KINDS[kind].shape_rule} | {"constraint", "initializer"}
