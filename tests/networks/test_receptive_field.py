"""What parts of networks see, against what changes when a row or a column of the first map does."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins.normalization.layers import CurrentBatchNormalization

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.receptive_field import ReceptiveField
from dcgan_kit.networks.side_inputs import LABEL, with_sides
from dcgan_kit.networks.summary import summarize
from dcgan_kit.networks.trace import trace

POINTWISE = ("activation", "normalization", "regularizer")
"""Kinds whose components, as shipped recipes use them, see a pixel at a time; they are left out where rows are tried."""


def narrowed(recipe):
    """The same geometry with two filters a stage; with eight where attention divides them."""

    def plan(network):
        width = 8 if any(item.slot == "attention" for block in network.blocks for item in block.order) else 2
        return replace(network, blocks=tuple(replace(b, filters=b.filters and width) for b in network.blocks))

    return recipe.model_copy(update={"generator": plan(recipe.generator), "discriminator": plan(recipe.discriminator)})


def lines(height, width, channels):
    """Maps with one row of ones each, and maps with one column."""
    rows = np.repeat(np.eye(height)[:, :, None], width, 2)
    columns = np.repeat(np.eye(width)[:, None, :], height, 1)
    return [np.repeat(maps[..., None], channels, 3).astype("float32") for maps in (rows, columns)]


def widest(seen):
    """From the answers (lines, ...) of every line: the longest way from the first to the last that a number sees."""
    seen = np.asarray(seen).reshape(len(seen), -1) > 0
    first, last = seen.argmax(0), len(seen) - 1 - seen[::-1].argmax(0)
    return int((last - first + 1)[seen.any(0)].max())


def answered(layer, values):
    """What a layer answers whose kernels are all 1, so that whatever it sees counts."""
    for weight in layer.weights:
        weight.assign(tf.zeros_like(weight.value) if weight.name == "bias" else tf.ones_like(weight.value))
    # Only whether it is 0 matters; so it neither over- nor underflows.
    return tf.cast(tf.abs(layer(values)) > 1e-6, tf.float32)


def with_classes(part, layer, values, classes):
    """The input of a layer, with side inputs that change nothing but whether a product with them is 0."""
    sides = tf.fill((len(values), classes), float(part.kind != "conditioning"))
    values = values if isinstance(values, list) else tf.convert_to_tensor(values)
    return with_sides(layer, values, {LABEL: sides})


def tried(parts, first, classes):
    """The receptive field after each part of a network, from part number ``first`` on."""
    given, outputs, found = lines(*parts[first].input_shape), {}, {}
    for index, part in enumerate(parts[first:], start=first):
        ways = [outputs.get(source, given) for source in part.inputs]
        answers = ways[0] if len(ways) == 1 else [list(both) for both in zip(*ways, strict=True)]
        # With the statistics of the current batch, every number sees the whole map.
        inner = [inner for layer in part.layers for inner in layers_within(layer)]
        mixes = any(isinstance(layer, CurrentBatchNormalization) for layer in inner)
        if part.kind not in POINTWISE or mixes:
            for layer in part.layers:
                answers = [answered(layer, with_classes(part, layer, values, classes)) for values in answers]
        outputs[index], found[part.name] = answers, tuple(map(widest, answers))
    return found


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("name", sorted(load_builtins().recipes.keys() - {"dcgan"}))
def test_every_shipped_recipe_sees_what_it_says(name, role, resolve):
    recipe = narrowed(resolve(name))
    network = getattr(build_networks(recipe), role)
    rows = {row.name: row.receptive_field for row in summarize(network).rows}
    parts, first = network.parts, 0
    while role == "generator" and len(parts[first].input_shape) == 1:
        assert rows[parts[first].name] is None
        first += 1
    everything = parts[first].input_shape[:2]
    expected = {
        name: None if seen == everything else seen for name, seen in tried(parts, first, recipe.classes or 0).items()
    }
    assert {part: rows[part] for part in expected} == expected


class Residual(keras.layers.Layer):
    """A wide branch beside a narrow one."""

    def __init__(self):
        super().__init__()
        self.wide = keras.layers.Conv2D(4, 5, padding="same")
        self.narrow = keras.layers.Conv2D(4, (1, 3), padding="same", dilation_rate=2)

    def build(self, shape):
        self.wide.build(shape)
        self.narrow.build(shape)

    def call(self, x):
        return self.wide(x) + self.narrow(x)


class Halves(keras.layers.Layer):
    """Two halves of the channels, of which the second is mirrored, cut, and put beside the first."""

    def call(self, x):
        first, second = keras.ops.split(x, 2, axis=-1)
        turned = keras.ops.flip(second, axis=2)
        return keras.ops.concatenate([first, keras.ops.roll(turned, 2, axis=1)], axis=-1)


class Attention(keras.layers.Layer):
    def call(self, x):
        flat = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        scores = keras.ops.softmax(keras.ops.matmul(flat, keras.ops.transpose(flat, (0, 2, 1))))
        return keras.ops.reshape(keras.ops.matmul(scores, flat), (-1, *x.shape[1:]))


L = keras.layers
STACKS = {
    "odd and even kernels": lambda: [L.Conv2D(4, 3, 2, "same"), L.Conv2D(4, 4, 1, "same"), L.Conv2D(4, (2, 5))],
    "no padding": lambda: [L.Conv2D(4, 4), L.Conv2D(4, 3, strides=2), L.Conv2D(4, 2)],
    "dilation": lambda: [L.Conv2D(4, 3, padding="same", dilation_rate=(1, 3)), L.Conv2D(4, 3, dilation_rate=2)],
    "strides of three": lambda: [L.Conv2D(4, 5, 3, "same"), L.Conv2DTranspose(4, 5, 3, "same")],
    "kernel below its stride": lambda: [L.Conv2DTranspose(4, 2, 3, "same"), L.Conv2D(4, 3, padding="same")],
    "transposed without padding": lambda: [L.Conv2DTranspose(4, 4, 2), L.Conv2DTranspose(4, 3, 1)],
    "three transposed": lambda: [L.Conv2DTranspose(4, 4, 2, "same") for _ in range(3)],
    "pooling": lambda: [L.AveragePooling2D(3, 2, "same"), L.MaxPooling2D(2), L.Conv2D(4, 2, padding="same")],
    "padding and cropping": lambda: [L.ZeroPadding2D(((3, 0), (0, 2))), L.Conv2D(4, 5), L.Cropping2D(((1, 0), (2, 1)))],
    "nearest": lambda: [L.UpSampling2D((2, 3)), L.Conv2D(4, 3, padding="same")],
    "bilinear by three": lambda: [L.UpSampling2D(3, interpolation="bilinear"), L.Conv2D(4, 3, padding="same")],
    "bicubic": lambda: [L.UpSampling2D(2, interpolation="bicubic"), L.Conv2D(4, 2, 2)],
    "separable": lambda: [L.SeparableConv2D(4, 3, 1, "same"), L.DepthwiseConv2D(5, padding="same")],
    "groups": lambda: [L.Conv2D(4, 3, padding="same", groups=2), Halves(), L.Conv2D(4, 3, padding="same", groups=2)],
    "branches": lambda: [Residual(), L.Conv2D(4, 2, 2), Residual()],
    "moved channels": lambda: [Halves(), L.DepthwiseConv2D(3, padding="same"), Halves()],
    "dense along channels": lambda: [L.Conv2D(4, 3), L.Dense(5), L.Conv2D(4, 3)],
    "dense over all": lambda: [L.Conv2D(4, 3), L.Flatten(), L.Dense(3)],
    "pooled over all": lambda: [L.Conv2D(4, 3), L.GlobalAveragePooling2D(keepdims=True), L.Conv2D(4, 1)],
    "attention": lambda: [Attention(), L.Conv2D(4, 3, padding="same")],
}  # fmt: skip


@pytest.mark.parametrize("shape", [(9, 14, 4), (16, 12, 4)], ids=str)
@pytest.mark.parametrize("name", STACKS)
def test_any_stack_sees_what_changes_it(name, shape):
    layers, answers, field = STACKS[name](), lines(*shape), ReceptiveField.of_map(*shape[:2])
    for layer in layers:
        given = answers[0].shape[1:]
        # Building comes first: a layer that is built while it is traced has no weights.
        answers = [answered(layer, values) for values in answers]
        field = trace([layer], [given], [field]).field
        assert field.widest == tuple(map(widest, answers))
    # At once, and one by one.
    assert trace(layers, [shape], [ReceptiveField.of_map(*shape[:2])]).field.widest == field.widest


@pytest.mark.parametrize("shape", [(9, 14, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("downsample", "strided_conv", {"kernel_size": 3}),
        ("downsample", "strided_conv", {"kernel_size": (2, 5), "stride": (3, 2)}),
        ("convolution", "conv", {"kernel_size": 4, "groups": 2}),
        ("convolution", "separable_conv", {"kernel_size": 4}),
        ("upsample", "transposed_conv", {"kernel_size": 3}),
        ("upsample", "transposed_conv", {"kernel_size": (5, 3), "stride": (2, 4)}),
        ("upsample", "resize_conv", {"kernel_size": 4}),
    ],
)
def test_symmetric_padding_sees_what_changes_it(kind, name, options, shape, layers_of):
    layers, answers = layers_of(kind, name, shape, padding="symmetric", **options), lines(*shape)
    for layer in layers:
        answers = [answered(layer, values) for values in answers]
    found = trace(layers, [shape], [ReceptiveField.of_map(*shape[:2])])
    assert found.field.widest == tuple(map(widest, answers))


def test_three_transposed_convolutions_see_three_pixels():
    layers = STACKS["three transposed"]()
    assert trace(layers, [(8, 8, 4)], [ReceptiveField.of_map(8, 8)]).field.widest == (3, 3)
    # Of two pixels there are no more than two.
    assert trace(layers, [(2, 8, 4)], [ReceptiveField.of_map(2, 8)]).field.widest == (2, 3)


@pytest.mark.parametrize(
    ("kind", "name", "sees"),
    [
        ("downsample", "blur_pool", (3, 3)),
        ("downsample", "space_to_depth", (2, 2)),
        ("downsample", "fir", (4, 4)),
        ("upsample", "fir", (2, 2)),
        ("upsample", "pixel_shuffle", (3, 3)),
        ("upsample", "nearest", (1, 1)),
        ("normalization", "batch", (1, 1)),
        ("normalization", "pixel", (1, 1)),
        ("normalization", "instance", (8, 8)),
        ("normalization", "layer", (8, 8)),
        ("regularizer", "minibatch_stddev", (8, 8)),
        ("regularizer", "dropout", (1, 1)),
        ("attention", "self_attention", (8, 8)),
        ("attention", "squeeze_excitation", (8, 8)),
        ("activation", "prelu", (1, 1)),
        ("activation", "silu", (1, 1)),
        ("head", "average_pool_dense", (8, 8)),
        ("head", "sum_pool_dense", (8, 8)),
        ("head", "dense", (8, 8)),
        ("head", "max_pool_dense", (8, 8)),
        ("head", "depthwise_dense", (8, 8)),
    ],
)
def test_what_components_see(kind, name, sees, layers_of):
    shape = (8, 8, 16)
    assert trace(layers_of(kind, name, shape), [shape], [ReceptiveField.of_map(8, 8)]).field.widest == sees


@pytest.mark.parametrize(("name", "alone"), [("self_attention", (8, 8)), ("squeeze_excitation", (1, 1))])
def test_attention_by_weights_sees_all_but_by_means_only_what_they_combine(name, alone, layers_of):
    field = ReceptiveField.of_map(8, 8)
    traced = trace(layers_of("attention", name, (8, 8, 16)), [(8, 8, 16)], [field], [field])
    assert traced.field.widest == (8, 8)
    assert traced.local_field.widest == alone


def test_what_is_not_known_sees_all_and_what_was_seen_stays_seen():
    class Sorted(keras.layers.Layer):
        def call(self, x):
            return tf.sort(x, axis=1)

    layers = [Sorted(), L.Conv2D(4, 1), L.Conv2DTranspose(4, 4, 2, "same")]
    assert trace(layers, [(6, 7, 2)], [ReceptiveField.of_map(6, 7)]).field.widest == (6, 7)


def rows_of(network):
    return {row.name: row.receptive_field for row in summarize(network).rows}


def test_nothing_is_seen_anew_after_a_part_that_sees_all(networks_of):
    made = networks_of(
        "discriminator.regularizer=minibatch_stddev", "image.size=32", "generator.input.projection.size=8"
    )
    found = list(rows_of(made.discriminator).values())
    assert None in found
    assert set(found[found.index(None) :]) == {None}
