from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.summary import summarize, training_memory


def rows_of(network):
    return {row.name: row for row in summarize(network).rows}


def test_parameters_of_each_part_and_totals(networks_of):
    networks = networks_of()
    generator = rows_of(networks.generator)
    assert (generator["input_projection"].trainable_parameters) == 6 * 4 * 4 * 8
    assert (
        generator["input_normalization"].trainable_parameters,
        generator["input_normalization"].non_trainable_parameters,
    ) == (16, 16)
    assert generator["stage1_upsample"].trainable_parameters == 4 * 4 * 8 * 4
    assert generator["output_upsample"].trainable_parameters == 4 * 4 * 4 * 1
    assert generator["output_activation"].trainable_parameters == 0
    total = summarize(networks.generator)
    assert total.trainable_parameters == 768 + 16 + 512 + 8 + 64
    assert total.non_trainable_parameters == 16 + 8
    assert total.macs == 6 * 128 + 4 * 4 * 8 * 4 * 4 * 4 + 4 * 4 * 4 * 8 * 8
    # What each part returns: numbers that a forward pass keeps.
    assert total.activations == 128 + 128 + 128 + 128 + 256 + 256 + 256 + 256 + 256


def test_seeds_of_random_layers_are_no_parameters(networks_of):
    plain, dropping = (networks_of(*o).discriminator for o in ((), ("discriminator.output.head.dropout=0.5",)))
    assert summarize(plain).non_trainable_parameters == summarize(dropping).non_trainable_parameters


def test_memory_by_hand(networks_of):
    networks = networks_of()
    g, d = summarize(networks.generator), summarize(networks.discriminator)
    # 16x16: stage1 8x8x4 twice; stage2 4x4x8 three times; logit.
    assert d.activations == 2 * 256 + 3 * 128 + 1
    weights = g.trainable_parameters + d.trainable_parameters
    # Weights, gradients and two moments; G's activations once and D's twice, each with a gradient; four bytes a number.
    assert training_memory(networks, 32, averaged=False) == 4 * (
        4 * weights + 2 * 32 * (g.activations + 2 * d.activations)
    )
    assert training_memory(networks, 32, averaged=True) - training_memory(networks, 32, averaged=False) == (
        4 * g.trainable_parameters
    )


def test_receptive_fields_of_a_strided_discriminator(resolve):
    """Araujo et al. 2019, distill.pub/2019/computing-receptive-fields: r grows by (k - 1) times the steps so far."""
    rows = rows_of(build_networks(resolve("pytorch-celeba64"), symbolic=True).discriminator)
    sizes = [rows[f"stage{n}_downsample"].receptive_field for n in (1, 2, 3, 4)]
    assert sizes == [(4, 4), (10, 10), (22, 22), (46, 46)]
    # 46 + (4 - 1) · 16 = 94 are more than there are.
    assert rows["output_head"].receptive_field is None


def test_receptive_fields_of_studiogan(resolve):
    rows = rows_of(build_networks(resolve("studiogan-cifar32"), symbolic=True).discriminator)
    sizes = [rows[f"stage{n}_downsample"].receptive_field for n in range(1, 8)]
    # Of 36 pixels no number sees more than 30 within the border, and 52 are more than there are.
    assert sizes == [(3, 3), (6, 6), (10, 10), (16, 16), (24, 24), (30, 30), None]
    assert rows["output_head"].receptive_field is None


def test_a_dense_head_sees_everything(networks_of):
    assert rows_of(networks_of().discriminator)["output_head"].receptive_field is None


def test_receptive_fields_of_a_generator_begin_at_its_first_map(networks_of):
    for projection in ("{use: dense, size: 4}", "{use: transposed_conv, kernel_size: 4}"):
        rows = rows_of(networks_of(f"generator.input.projection={projection}").generator)
        assert rows["input_projection"].receptive_field is None
        assert rows["input_activation"].receptive_field == (1, 1)
        # Four taps at stride two: two pixels a side.
        assert rows["stage1_upsample"].receptive_field == (2, 2)
        assert rows["output_activation"].receptive_field == (3, 3)


def empirical(layers, shape, output_shape):
    """Sides of the box of inputs on which one output in the middle depends: the largest over a block of outputs."""
    widest = np.zeros(2, int)
    x = tf.constant(np.random.default_rng(0).standard_normal((1, *shape)).astype("float32"))
    middle = [side // 2 for side in output_shape[:2]]
    for row in range(middle[0] - 2, middle[0] + 2):
        for column in range(middle[1] - 2, middle[1] + 2):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = x
                for layer in layers:
                    y = layer(y, training=False)
                one = tf.reduce_sum(y[0, row, column])
            touched = np.argwhere(np.abs(tape.gradient(one, x).numpy()[0]).sum(-1) > 0)
            widest = np.maximum(widest, touched.max(0) - touched.min(0) + 1)
    return tuple(int(side) for side in widest)


@pytest.mark.parametrize(
    "slot",
    [
        "{use: strided_conv, kernel_size: 4}",
        "{use: strided_conv, kernel_size: [3, 5], stride: [2, 1]}",
        "{use: conv, kernel_size: 3, dilation: 2}",
        "average_pool",
        "{use: conv_average_pool, kernel_size: 5}",
        "{use: blur_pool, size: 3}",
        "{use: space_to_depth, kernel_size: 3}",
    ],
)
def test_receptive_fields_downward_agree_with_gradients(slot, networks_of):
    discriminator = networks_of(
        "image.size=48", "generator.input.projection.size=12", f"discriminator.downsample={slot}",
        "discriminator.normalization=none", "discriminator.activation=softplus", symbolic=False,
    ).discriminator  # fmt: skip
    part = next(p for p in reversed(discriminator.parts) if p.kind == "downsample")
    before = [layer for p in discriminator.parts[: discriminator.parts.index(part) + 1] for layer in p.layers]
    found = empirical(before, (48, 48, 1), part.output_shape)
    assert rows_of(discriminator)[part.name].receptive_field == found


@pytest.mark.parametrize(
    "slot",
    [
        "{use: transposed_conv, kernel_size: 4}",
        "{use: transposed_conv, kernel_size: 5}",
        "{use: transposed_conv, kernel_size: 3}",
        "{use: resize_conv, kernel_size: 3}",
        "{use: resize_conv, kernel_size: 5}",
        "{use: resize_conv, kernel_size: 3, interpolation: bilinear}",
        "{use: pixel_shuffle, kernel_size: 3}",
        "nearest",
        "bilinear",
    ],
)
def test_receptive_fields_upward_agree_with_gradients(slot, networks_of):
    """One stage: over several, whether the widest pixels of both meet depends on where they lie."""
    generator = networks_of(
        "image.size=48", "generator.input.projection.size=12", f"generator.upsample={slot}",
        "generator.normalization=none", "generator.activation=softplus", symbolic=False,
    ).generator  # fmt: skip
    stage = [part for part in generator.parts if part.block == "stage1"]
    layers = [layer for part in stage for layer in part.layers]
    found = empirical(layers, stage[0].input_shape, stage[-1].output_shape)
    assert rows_of(generator)[stage[-1].name].receptive_field == found
