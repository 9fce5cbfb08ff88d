"""Stages that branch, repeat and attend: their shapes, numbers, fused passes, first weights, and what sees into them."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from forward_comparison import assert_same, everything, inputs_of
from training_fixtures import NOISE_IN_BRANCHES

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.networks.summary import summarize


@pytest.fixture(scope="module")
def networks(branched):
    """The two networks, with weights."""
    return build_networks(branched())


def rows_of(network, *blocks):
    return {
        row.name: (row.output_shape, row.trainable_parameters + row.non_trainable_parameters)
        for row in summarize(network).rows
        if row.name.partition("_")[0] in blocks
    }


def inputs_by_name(network):
    names = ["input", *(part.name for part in network.parts)]
    return {part.name: tuple(names[index + 1] for index in part.inputs) for part in network.parts}


def test_a_residual_stage(networks):
    first = networks.generator
    assert rows_of(first, "stage1.1") == {
        "stage1.1_normalization": ((4, 4, 6), 4 * 6),
        "stage1.1_activation": ((4, 4, 6), 0),
        "stage1.1_upsample": ((8, 8, 6), 0),
        "stage1.1_convolution": ((8, 8, 4), 9 * 6 * 4),
        "stage1.1_normalization_2": ((8, 8, 4), 4 * 4),
        "stage1.1_activation_2": ((8, 8, 4), 0),
        "stage1.1_convolution_2": ((8, 8, 4), 9 * 4 * 4),
        "stage1.1_shortcut_upsample": ((8, 8, 6), 0),
        "stage1.1_shortcut_convolution": ((8, 8, 4), 6 * 4),
        "stage1.1_join": ((8, 8, 4), 0),
    }
    taken = inputs_by_name(first)
    assert taken["stage1.1_normalization"] == taken["stage1.1_shortcut_upsample"] == ("input_activation",)
    assert taken["stage1.1_join"] == ("stage1.1_convolution_2", "stage1.1_shortcut_convolution")


def draws(network):
    """Return what each random layer makes of ones, by name."""
    layers = [
        layer for layer in network.model.layers if isinstance(layer, (keras.layers.Dropout, keras.layers.GaussianNoise))
    ]
    return {layer.name: np.asarray(layer(np.ones((64, 3), "float32"), training=True)) for layer in layers}


def test_copies_and_shortcuts_have_noise_of_their_own(branched):
    """And it stays when a neighbour changes."""
    built = build_networks(branched(*NOISE_IN_BRANCHES))
    other = build_networks(
        branched(*NOISE_IN_BRANCHES, "generator.stages.1.filters=6", "discriminator.stages.2.filters=6")
    )
    expected = {
        "generator": ["input_regularizer", "stage1.1_shortcut_regularizer", "stage1.2_shortcut_regularizer"],
        "discriminator": ["stage2.1_regularizer", "stage2.2_regularizer"],
    }
    for role, names in expected.items():
        found = draws(getattr(built, role))
        assert list(found) == names
        assert (found[names[-2]] != found[names[-1]]).any()
        for name, drawn in draws(getattr(other, role)).items():
            np.testing.assert_array_equal(drawn, found[name], err_msg=name)


def test_operations_of_branches_by_hand(networks):
    """Multiply-accumulates: pixels · channels in · channels out · taps / groups."""
    macs = {row.name: row.macs for row in summarize(networks.discriminator).rows}
    assert macs["stage2.1_convolution_2"] == 8 * 8 * 4 * 4 * 9 // 2
    assert macs["stage2.1_convolution_3"] == 8 * 8 * 4 * 8
    # The shortcut pools first.
    assert macs["stage2.1_shortcut_convolution"] == 4 * 4 * 4 * 8
    assert summarize(networks.discriminator).macs == sum(macs.values())


def test_only_the_first_copy_of_a_repeated_stage_resamples(networks):
    assert rows_of(networks.generator, "stage1.2") == {
        "stage1.2_normalization": ((8, 8, 4), 4 * 4),
        "stage1.2_activation": ((8, 8, 4), 0),
        "stage1.2_convolution": ((8, 8, 4), 9 * 4 * 4),
        "stage1.2_normalization_2": ((8, 8, 4), 4 * 4),
        "stage1.2_activation_2": ((8, 8, 4), 0),
        "stage1.2_convolution_2": ((8, 8, 4), 9 * 4 * 4),
        "stage1.2_shortcut_convolution": ((8, 8, 4), 4 * 4),
        "stage1.2_join": ((8, 8, 4), 0),
    }


def test_an_attention_stage_without_shortcut_keeps_its_name_and_its_width(networks):
    # A dense layer to half of the channels and one back, each with a bias.
    assert rows_of(networks.generator, "wide") == {"wide_attention": ((8, 8, 4), 4 * 2 + 2 + 2 * 4 + 4)}


def test_a_shortcut_true_resamples_as_its_stage_and_changes_channels(networks):
    found, taken = rows_of(networks.discriminator, "stage1"), inputs_by_name(networks.discriminator)
    assert found["stage1_shortcut_downsample"] == ((8, 8, 1), 0)
    assert found["stage1_shortcut_convolution"] == ((8, 8, 4), 4)
    assert taken["stage1_shortcut_downsample"] == ("input",)


def test_a_bottleneck_stage_and_the_shortcut_of_a_copy_that_changes_nothing(networks):
    assert rows_of(networks.discriminator, "stage2.1") == {
        "stage2.1_normalization": ((8, 8, 4), 4 * 4),
        "stage2.1_convolution": ((8, 8, 4), 4 * 4),
        "stage2.1_activation": ((8, 8, 4), 0),
        "stage2.1_convolution_2": ((8, 8, 4), 9 * 4 * 4 // 2),
        "stage2.1_activation_2": ((8, 8, 4), 0),
        "stage2.1_convolution_3": ((8, 8, 8), 4 * 8),
        "stage2.1_downsample": ((4, 4, 8), 0),
        "stage2.1_shortcut_downsample": ((4, 4, 4), 0),
        "stage2.1_shortcut_convolution": ((4, 4, 8), 4 * 8),
        "stage2.1_join": ((4, 4, 8), 0),
    }
    assert not any("shortcut" in name for name in rows_of(networks.discriminator, "stage2.2"))
    assert inputs_by_name(networks.discriminator)["stage2.2_join"] == ("stage2.2_convolution_3", "stage2.1_join")


def test_a_concatenating_stage(networks):
    found = rows_of(networks.discriminator, "stage3")
    assert found["stage3_join"] == ((4, 4, 12), 0)
    parts = {part.name: part for part in networks.discriminator.parts}
    assert [type(layer).__name__ for layer in parts["stage3_join"].layers] == ["Concatenate", "Rescaling"]


def test_the_sum_of_rows_is_the_model(networks):
    for network in (networks.generator, networks.discriminator):
        trainable = sum(math.prod(weight.shape) for weight in network.model.trainable_weights)
        assert summarize(network).trainable_parameters == trainable


def test_copies_of_a_concatenating_stage_grow(networks_of):
    """As the layers of a dense block: each copy adds its filters (Huang et al. 2017, arXiv 1608.06993)."""
    dense = "generator.stages.0={filters: 3, repeat: 3, shortcut: {join: concatenate}}"
    shapes = {part.name: part.output_shape for part in networks_of(dense).generator.parts}
    assert [shapes[f"stage1.{number}_join"][-1] for number in (1, 2, 3)] == [6, 9, 12]


def test_resampling_twice_names_two_convolutions(networks_of):
    names = [
        part.name
        for part in networks_of(
            "generator.stages.0={filters: 8, order: [upsample: {use: nearest, filters: 12}, activation, upsample: nearest]}",
            "generator.output.upsample.stride=1",
        ).generator.parts
    ]
    assert [name for name in names if "convolution" in name] == ["stage1_convolution", "stage1_convolution_2"]


def drawn(model):
    """Draw every weight anew, so that none is 0 or 1."""
    draw = np.random.default_rng(0)
    for variable in model.weights:
        if "float" in variable.dtype:
            positive = variable.path.endswith(("variance", "gamma"))
            law = draw.uniform(0.5, 1.5, variable.shape) if positive else draw.normal(0, 0.3, variable.shape)
            variable.assign(law)
    return model


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_the_fused_pass_is_that_of_the_model(role, branched):
    model = drawn(getattr(build_networks(branched()), role).model)
    forward = forward_of(model)
    # Upsampling with convolution, on the first ways of stages; convolution with pooling; batch normalization.
    assert len(forward.fused) >= 3
    x = inputs_of(model)
    for training in (True, False):
        assert_same(everything(model, forward, x, training), everything(model, model, x, training), 2e-5)


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_layer_by_layer_gives_what_the_model_gives(role, networks):
    network = getattr(networks, role)
    x = inputs_of(network.model)
    outputs = network.outputs(x, lambda layer, values: layer(values, training=False))
    assert [tuple(output.shape[1:]) for output in outputs[1:]] == [part.output_shape for part in network.parts]
    np.testing.assert_array_equal(outputs[-1], network.model(x, training=False))


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_xla_gives_eagers_values_and_gradients(role, branched):
    model = drawn(getattr(build_networks(branched()), role).model)
    forward, x = forward_of(model), inputs_of(model)

    def compiled(x, training):
        return tf.function(lambda x: forward(x, training), [tf.TensorSpec(x.shape)], jit_compile=True)(x)

    assert_same(everything(model, compiled, x), everything(model, model, x), 1e-4)


def lines(height, width, channels):
    """Maps with one row of ones each, and maps with one column."""
    rows = np.repeat(np.eye(height)[:, :, None], width, 2)
    columns = np.repeat(np.eye(width)[:, None, :], height, 1)
    return [np.repeat(maps[..., None], channels, 3).astype("float32") for maps in (rows, columns)]


def widest(answers):
    """The longest way from the first line to the last that a number of the answers (lines, ...) sees."""
    seen = np.asarray(answers).reshape(len(answers), -1) > 0
    first, last = seen.argmax(0), len(seen) - 1 - seen[::-1].argmax(0)
    return int((last - first + 1)[seen.any(0)].max())


def seen_by_perturbation(network, first):
    """The receptive field of each part from the first on, which takes the map that the others are counted from."""

    def call(layer, values):
        for weight in layer.weights:
            weight.assign(tf.zeros_like(weight.value) if weight.name == "bias" else tf.ones_like(weight.value))
        return tf.cast(tf.abs(layer(values)) > 1e-6, tf.float32)

    parts, found = network.parts, {}
    for axis in (0, 1):
        outputs = {first - 1: lines(*parts[first].input_shape)[axis]}
        for index in range(first, len(parts)):
            values = [outputs[taken] for taken in parts[index].inputs]
            value = values[0] if len(values) == 1 else values
            for layer in () if parts[index].kind in ("activation", "normalization") else parts[index].layers:
                value = call(layer, value)
            outputs[index] = value
            found.setdefault(parts[index].name, []).append(widest(value))
    return {name: tuple(sides) for name, sides in found.items()}


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_the_receptive_field_is_that_of_the_widest_way(role, branched):
    """Exact: what changes when a row or a column of the first map does."""
    recipe = branched(
        "image.size=48", "generator.input.projection.size=12", "discriminator.output.head=average_pool_dense",
        "generator.stages.1={name: wide, order: [convolution: {kernel_size: 5}], shortcut: {order: [convolution: {dilation: 2}]}}",
        "discriminator.stages.2={order: [convolution, activation], shortcut: {join: concatenate, order: [convolution: {kernel_size: 5}]}}",
    )  # fmt: skip
    network = getattr(build_networks(recipe), role)
    rows = {row.name: row.receptive_field for row in summarize(network).rows}
    first = next(index for index, part in enumerate(network.parts) if part.block != "input")
    whole = network.parts[first].input_shape[:2]
    expected = {n: None if s == whole else s for n, s in seen_by_perturbation(network, first).items()}
    assert {name: rows[name] for name in expected} == expected
    assert any(
        rows[f"{name}_join"] not in (None, (1, 1)) for name in ("wide", "stage1.1", "stage1") if f"{name}_join" in rows
    )


def weights_of(networks):
    return {
        f"{role}/{re.sub('_[0-9]+/', '/', variable.path)}": np.asarray(variable)
        for role in ("generator", "discriminator")
        for variable in getattr(networks, role).model.variables
    }


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("generator.stages.0.repeat=3", "generator/stage1.3"),
        ("generator.stages.0.shortcut=false", "generator/stage1."),
        ("generator.stages.wide={order: [convolution, attention]}", "generator/wide"),
        ("discriminator.stages.1.repeat=1", "discriminator/stage2"),
        ("discriminator.stages.0.shortcut={order: [convolution, downsample]}", "discriminator/stage1_shortcut"),
    ],
)
def test_first_weights_stay_when_a_neighbour_changes(change, changed, branched):
    """Of all stages but the changed one; and of the copies and ways of the changed one that there are still."""
    before, after = weights_of(build_networks(branched())), weights_of(build_networks(branched(change)))
    both = before.keys() & after.keys()
    others = (before.keys() ^ after.keys()) | {name for name in both if before[name].shape != after[name].shape}
    assert others
    assert all(name.startswith(changed) for name in others)
    for name in both - others:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_takes_a_step(precision, branched, taken):
    ours = taken(branched(f"training.precision={precision}"))
    before = ours.weights("generator")
    assert all(np.isfinite(list(ours.take().values())))
    assert any((a != b).any() for a, b in zip(before, ours.weights("generator"), strict=True)) or precision.endswith(
        "float16"
    )
    assert all(np.isfinite(value).all() for value in ours.state.values().values())


STOCK = """
import sys
sys.modules["dcgan_kit"] = sys.modules["dcgan_kit_plugins"] = None
import keras, numpy
model = keras.saving.load_model("model.keras")
numpy.save("y.npy", model(numpy.load("x.npy"), training=False))
"""


def test_a_saved_generator_loads_in_keras_alone(networks, tmp_path):
    model = networks.generator.model
    x = inputs_of(model)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    subprocess.run([sys.executable, "-c", STOCK], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(x, training=False), atol=1e-6)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))
