from __future__ import annotations

import re
import resource
import time

import keras
import numpy as np
import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.summary import summarize
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml


def names(network):
    return [layer.name for layer in network.model.layers]


def parts(network):
    return [(part.name, part.component, part.output_shape) for part in network.parts]


def test_layers_are_called_after_their_slots(networks_of):
    networks = networks_of("discriminator.output.head.dropout=0.5")
    assert names(networks.generator) == [
        "latent",
        "input_projection", "input_reshape", "input_normalization", "input_activation",
        "stage1_upsample", "stage1_normalization", "stage1_activation",
        "output_upsample", "output_activation",
    ]  # fmt: skip
    assert names(networks.discriminator) == [
        "image",
        "stage1_downsample", "stage1_activation",
        "stage2_downsample", "stage2_normalization", "stage2_activation",
        "output_head_flatten", "output_head_dropout", "output_head_dense",
    ]  # fmt: skip
    assert [network.model.name for network in (networks.generator, networks.discriminator)] == [
        "generator", "discriminator",
    ]  # fmt: skip


def test_names_do_not_depend_on_what_was_built_before(networks_of):
    first, second = (networks_of(symbolic=False) for _ in range(2))
    for role in ("generator", "discriminator"):
        one, other = (getattr(networks, role).model for networks in (first, second))
        assert [v.path for v in one.weights] == [v.path for v in other.weights]


def test_parts_know_their_component_and_their_layers(networks_of):
    generator = networks_of().generator
    part = generator.part_of("stage1_upsample")
    assert (part.name, part.kind, part.component, part.owner) == (
        "stage1_upsample",
        "upsample",
        "transposed_conv",
        "upsample",
    )
    assert (part.block, part.input_shape, part.output_shape) == ("stage1", (4, 4, 8), (8, 8, 4))
    assert generator.part_of("latent") is None


def test_slots_come_in_the_order_of_the_recipe_and_may_come_twice(networks_of):
    generator = networks_of(
        "generator.stages.0.order=[activation, upsample, normalization, convolution, activation]"
    ).generator
    assert [name for name in names(generator) if name.startswith("stage1")] == [
        "stage1_activation", "stage1_upsample", "stage1_normalization", "stage1_convolution", "stage1_activation_2",
    ]  # fmt: skip
    kernels = [generator.model.get_layer(f"stage1_{n}").kernel for n in ("upsample", "convolution")]
    # With the convolution in the order, the recipe says where channels change: nothing is inserted.
    assert [tuple(kernel.shape) for kernel in kernels] == [(4, 4, 4, 8), (3, 3, 4, 4)]


def test_a_convolution_twice_in_a_block_draws_other_weights(networks_of):
    discriminator = networks_of(
        "discriminator.stages.1.order=[convolution, activation, convolution, downsample]",
        "discriminator.stages.1.normalization=null",
        "discriminator.stages.1.downsample={use: average_pool}",
        symbolic=False,
    ).discriminator
    assert [name for name in names(discriminator) if name.startswith("stage2")] == [
        "stage2_convolution", "stage2_activation", "stage2_convolution_2", "stage2_downsample",
    ]  # fmt: skip
    one, two = (
        discriminator.model.get_layer(n).kernel_initializer for n in ("stage2_convolution", "stage2_convolution_2")
    )
    assert one.seed != two.seed


def test_where_an_upsampling_keeps_channels_a_convolution_follows(networks_of):
    generator = networks_of("generator.upsample=nearest", "generator.convolution={use: conv, kernel_size: 5}").generator
    assert parts(generator)[4:] == [
        ("stage1_upsample", "nearest", (8, 8, 8)),
        ("stage1_convolution", "conv", (8, 8, 4)),
        ("stage1_normalization", "batch", (8, 8, 4)),
        ("stage1_activation", "relu", (8, 8, 4)),
        ("output_upsample", "nearest", (16, 16, 4)),
        ("output_convolution", "conv", (16, 16, 1)),
        ("output_activation", "tanh", (16, 16, 1)),
    ]
    assert generator.model.get_layer("stage1_convolution").kernel_size == (5, 5)


def test_where_a_pooling_keeps_channels_a_convolution_goes_before(networks_of):
    discriminator = networks_of("discriminator.downsample=max_pool").discriminator
    assert parts(discriminator)[:4] == [
        ("stage1_convolution", "conv", (16, 16, 4)),
        ("stage1_downsample", "max_pool", (8, 8, 4)),
        ("stage1_activation", "leaky_relu", (8, 8, 4)),
        ("stage2_convolution", "conv", (8, 8, 8)),
    ]


def test_where_channels_fit_no_convolution_is_inserted(networks_of):
    networks = networks_of(
        "generator.stages.0.filters=8", "generator.stages.0.upsample=nearest", "discriminator.stages.1.filters=4",
        "discriminator.stages.1.downsample=max_pool",
    )  # fmt: skip
    assert "stage1_convolution" not in names(networks.generator)
    assert "stage2_convolution" not in names(networks.discriminator)
    assert not any("convolution" in name for name in names(networks_of().generator))


def test_where_the_recipe_names_no_convolution_the_builder_brings_one(networks_of):
    generator = networks_of("generator.upsample=bilinear", "generator.convolution=null").generator
    inserted = [part for part in generator.parts if part.component == "builder"]
    assert [part.name for part in inserted] == ["stage1_convolution", "output_convolution"]
    assert generator.model.get_layer("stage1_convolution").kernel_size == (3, 3)
    assert not generator.model.get_layer("stage1_convolution").use_bias


def test_normalization_before_the_reshape_works_on_flat_features(networks_of):
    generator = networks_of("generator.input.order=[projection, normalization, activation, reshape]").generator
    assert parts(generator)[:4] == [
        ("input_projection", "dense", (128,)),
        ("input_normalization", "batch", (128,)),
        ("input_activation", "relu", (128,)),
        ("input_reshape", "reshape", (4, 4, 8)),
    ]
    assert tuple(generator.model.get_layer("input_normalization").gamma.shape) == (128,)


def test_sizes_that_are_not_square(networks_of):
    networks = networks_of("image.size=[16, 32]", "generator.input.projection.size=[4, 8]", symbolic=False)
    assert networks.generator.model.output_shape == (None, 16, 32, 1)
    assert networks.discriminator.model.input_shape == (None, 16, 32, 1)
    assert networks.discriminator.model(networks.generator.model(np.zeros((2, 6)))).shape == (2, 1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels(channels, networks_of):
    networks = networks_of(f"image.channels={channels}")
    assert networks.generator.model.output_shape == (None, 16, 16, channels)
    assert tuple(networks.discriminator.model.get_layer("stage1_downsample").kernel.shape) == (4, 4, channels, 4)


def test_valid_padding(networks_of):
    # 4 → (4-1)*2+4 = 10 → (10-1)*1+7 = 16; 16 → (16-4)/2+1 = 7 → (7-3)/2+1 = 3.
    networks = networks_of(
        "generator.stages.0.upsample={padding: valid}",
        "generator.output.upsample={padding: valid, kernel_size: 7, stride: 1}",
        "discriminator.stages.0.downsample={padding: valid}",
        "discriminator.stages.1.downsample={padding: valid, kernel_size: 3}",
    )
    assert [shape for _, _, shape in parts(networks.generator)][4] == (10, 10, 4)
    assert networks.generator.model.output_shape == (None, 16, 16, 1)
    shapes = [shape for name, _, shape in parts(networks.discriminator) if "downsample" in name]
    assert shapes == [(7, 7, 4), (3, 3, 8)]


def test_spectral_normalization_wraps_what_has_a_kernel(networks_of):
    from dcgan_kit_plugins.constraint.layers import SpectralNormalization

    discriminator = networks_of("discriminator.constraint=spectral", symbolic=False).discriminator
    wrapped = [n for n in names(discriminator) if isinstance(discriminator.model.get_layer(n), SpectralNormalization)]
    assert wrapped == ["stage1_downsample", "stage2_downsample", "output_head_dense"]
    head = networks_of("discriminator.output.constraint=spectral").discriminator
    assert isinstance(head.model.get_layer("output_head_dense"), SpectralNormalization)
    assert isinstance(head.model.get_layer("stage1_downsample"), keras.layers.Conv2D)


def weights_of(networks):
    return {
        f"{role}/{re.sub('_[0-9]+/', '/', variable.path)}": np.asarray(variable)
        for role in ("generator", "discriminator")
        for variable in getattr(networks, role).model.variables
    }


def test_first_weights_of_a_layer_stay_when_another_stage_changes(networks_of):
    before = weights_of(networks_of(symbolic=False))
    after = weights_of(
        networks_of(
            "generator.stages.0.normalization=instance",
            "generator.output.upsample={use: transposed_conv, kernel_size: 6}",
            "discriminator.stages.0.activation=elu", "discriminator.output.head.dropout=0.5", symbolic=False,
        )
    )  # fmt: skip
    for name in ("generator/input_projection/kernel", "generator/stage1_upsample/kernel",
                 "discriminator/stage1_downsample/kernel", "discriminator/stage2_downsample/kernel"):  # fmt: skip
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    assert after["generator/output_upsample/kernel"].shape == (6, 6, 1, 4)


def test_first_weights_depend_on_the_seed(networks_of):
    one, other = (weights_of(networks_of(f"training.seed={seed}", symbolic=False)) for seed in (0, 1))
    differ = {name for name in one if (one[name] != other[name]).any()}
    assert differ == {name for name in one if name.endswith("kernel")}


def test_a_symbolic_build_allocates_nothing(base):
    recipe = base(
        "generator.input.filters=16384", "generator.stages.0.filters=4096", "generator.output.upsample.kernel_size=31"
    )
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    networks = build_networks(recipe, symbolic=True)
    count = summarize(networks.generator).trainable_parameters
    assert count > 1e9
    # Nor does a real network that is built after it in the same process.
    build_networks(base())
    assert time.perf_counter() - started < 60
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < count, "bytes taken are fewer than parameters, of which each would take four"


def test_a_symbolic_build_has_the_shapes_of_a_real_one(networks_of):
    symbolic, real = networks_of(), networks_of(symbolic=False)
    for role in ("generator", "discriminator"):
        one, other = getattr(symbolic, role), getattr(real, role)
        assert parts(one) == parts(other)
        assert [(v.path, tuple(v.shape)) for v in one.model.variables] == [
            (v.path, tuple(v.shape)) for v in other.model.variables
        ]
        assert summarize(one) == summarize(other)


def complaints(raised):
    return [(problem.key, problem.message) for problem in raised.value.problems]


def test_stages_that_miss_the_image_are_told_with_what_each_gave(networks_of):
    with pytest.raises(RecipeError) as raised:
        networks_of("image.size=[16, 20]")
    (key, message), *others = complaints(raised)
    assert key == "generator.output"
    assert message == (
        "the generator ends in 16x16x1 and must end in 16x20x1: "
        "input gave 4x4x8, stage1 gave 8x8x4, output gave 16x16x1"
    )
    assert not others
    # The override is what does not fit, not the output that the recipe says.
    assert str(raised.value.problems[0].mark) == "override:1:1"


def test_problems_of_both_networks_are_told_at_once(networks_of):
    with pytest.raises(RecipeError) as raised:
        networks_of("image.size=15", "discriminator.output.head={use: conv, kernel_size: 9}")
    assert sorted(key for key, _ in complaints(raised)) == ["discriminator.output.head", "generator.output"]


def test_a_map_that_is_too_small_is_told(networks_of):
    with pytest.raises(RecipeError) as raised:
        networks_of("discriminator.downsample={use: strided_conv, kernel_size: 9, padding: valid}")
    ((key, message),) = complaints(raised)
    assert key == "discriminator.stages.1.downsample"
    assert message.startswith("downsample downsample/strided_conv: applying it to 4x4x4 failed: ")
    assert "\n" not in message


def test_a_factory_that_refuses_its_place_is_told_with_its_reason(networks_of):
    with pytest.raises(RecipeError) as raised:
        networks_of("generator.normalization={use: group, groups: 3}")
    assert complaints(raised) == [
        (f"generator.{block}.normalization", "normalization normalization/group: groups must divide the channels. "
         f"Received: groups=3, channels={channels}")
        for block, channels in (("input", 8), ("stages.0", 4))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "key", "message"),
    [
        ("generator.stages.0.activation=halves", "generator.stages.0.activation",
         "activation bad_components/halves must keep the shape of its input; it was given 8x8x4 and returned 8x8x2"),
        ("generator.stages.0.upsample=wrong_channels", "generator.stages.0.upsample",
         "upsample bad_components/wrong_channels must return its input's 8 channels or the 4 requested; "
         "it was given 4x4x8 and returned 8x8x5"),
        ("discriminator.stages.1.downsample=grows", "discriminator.stages.1.downsample",
         "downsample bad_components/grows must not return a map larger than its input; "
         "it was given 8x8x4 and returned 16x16x4"),
        ("discriminator.stages.1.normalization=no_layer", "discriminator.stages.1.normalization",
         "normalization bad_components/no_layer must return a keras.Layer, or a sequence of them to be applied in "
         "order (empty: nothing to apply), and returned 'layers.BatchNormalization()'"),
        ("generator.stages.0.activation=raises_in_factory", "generator.stages.0.activation",
         "activation bad_components/raises_in_factory: its factory failed: KeyError: 'level 3'"),
        ("generator.stages.0.activation=raises_in_call", "generator.stages.0.activation",
         "activation bad_components/raises_in_call: applying it to 8x8x4 failed: ZeroDivisionError: by nought"),
        ("generator.stages.0.activation=two_outputs", "generator.stages.0.activation",
         "activation bad_components/two_outputs must map one tensor to one tensor"),
        ("discriminator.output.head=many_logits", "discriminator.output.head",
         "head bad_components/many_logits must return one logit per image, shape (1,); "
         "it was given 4x4x8 and returned 10"),
        ("generator.stages.0.initializer=no_initializer", "generator.stages.0.initializer",
         "initializer bad_components/no_initializer must return a keras.initializers.Initializer, and returned "),
        ("discriminator.stages.0.constraint=no_constraint", "discriminator.stages.0.constraint",
         "constraint bad_components/no_constraint must return a function"),
    ],
    ids=lambda value: value.rpartition("=")[2] if "=" in value else "",
)  # fmt: skip
def test_a_component_that_breaks_its_contract_is_told_with_its_owner(
    override, key, message, networks_of, sample_plugins
):
    with pytest.raises(RecipeError) as raised:
        networks_of(override, folder=sample_plugins / "broken")
    ((found, reported),) = complaints(raised)
    assert found == key
    assert reported.startswith(message)
    assert str(raised.value.problems[0].mark).startswith("override:1:")


def test_a_default_that_breaks_its_contract_is_told_where_it_stands(base, load, tmp_path, sample_plugins):
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: tiny-fashion28\ngenerator:\n  activation: halves\n")
    with pytest.raises(RecipeError) as raised:
        build_networks(load(file, folder=sample_plugins / "broken").recipe, symbolic=True)
    problems = raised.value.problems
    assert [problem.key for problem in problems] == ["generator.input.activation", "generator.stages.0.activation"]
    assert {str(problem.mark) for problem in problems} == {f"{file}:4:3"}


@pytest.mark.parametrize("name", ["tiny-fashion28", "lecture-pooling28", "coursera-mnist28", "studiogan-cifar32"])
def test_a_resolved_recipe_gives_the_same_networks(name, resolve, tmp_path):
    recipe = resolve(name)
    (tmp_path / "again.yaml").write_text(as_yaml(as_data(recipe)))
    again = resolve(tmp_path / "again.yaml")
    symbolic = name == "studiogan-cifar32"
    one, other = build_networks(recipe, symbolic), build_networks(again, symbolic)
    for role in ("generator", "discriminator"):
        assert getattr(one, role).model.get_config() == getattr(other, role).model.get_config()
    if not symbolic:
        before, after = weights_of(one), weights_of(other)
        assert before.keys() == after.keys()
        for path, value in before.items():
            np.testing.assert_array_equal(value, after[path], err_msg=path)
