"""Each lint fires on a recipe that earns it, and is silent on its twin that does not."""

from __future__ import annotations

import pytest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.lint import LINTS, lint

CLASSIFIER = (
    "condition.classes=10",
    "generator.input.conditioning=concatenate",
    "discriminator.output.head={use: auxiliary_classifier, generated_class: true}",
)

ZEROS = (
    "generator.order=[upsample, convolution, activation, convolution: {initializer: zeros}]",
    "generator.upsample=nearest",
    "generator.convolution={use: conv, kernel_size: 3}",
    "generator.stages=[{filters: 8}, {filters: 8}]",
    "image.size=32",
)

# lint: (overrides that earn it, where, what is said), (overrides of the good twin)
CASES = {
    "kernel_overlap": (
        ["generator.upsample={use: transposed_conv, kernel_size: 3}"],
        "generator.upsample",
        "kernel 3 with stride 2 touches some pixels 4 times as often as others in the image",
        ["generator.upsample.kernel_size=6"],
    ),
    "checkerboard_stack": (
        ["generator.upsample.kernel_size=5"],
        "generator.output",
        # Five taps are 3 and 2 a phase; over two stages 3+2+3 = 8 at most and 3+2 = 5 at least.
        "most / least 1.6, deviation",
        ["generator.upsample={use: resize_conv, kernel_size: 5}"],
    ),
    "output_range": (
        ["generator.output.activation=sigmoid"],
        "generator.output.activation",
        "sigmoid reaches [0, 1] and the data lie in [-1, 1]",
        ["generator.output.activation=sigmoid", "image.range=[0, 1]"],
    ),
    "normalization_on_generator_output": (
        ["generator.output.normalization=batch"],
        "generator.output.normalization",
        "batch normalization on the generator's output",
        ["generator.output.normalization=none"],
    ),
    "normalization_on_discriminator_input": (
        ["discriminator.stages.0.normalization=batch", "discriminator.stages.0.bias=false"],
        "discriminator.stages.0.normalization",
        "batch normalization in the discriminator's first stage",
        [],
    ),
    "bias_before_batch_normalization": (
        ["generator.stages.0.bias=true"],
        "generator.upsample",
        "a bias in stage1_upsample before batch normalization in stage1_normalization",
        ["generator.stages.0.bias=true", "generator.stages.0.normalization=instance"],
    ),
    "batch_scale_near_zero": (
        ["generator.normalization={use: batch, scale_initializer: {use: normal, mean: 0.0, stddev: 1.0}}"],
        "generator.normalization",
        "the scale starts with mean",
        ["generator.normalization={use: batch, scale_initializer: {use: normal, mean: 1.0, stddev: 0.02}}"],
    ),
    "small_batch": (
        ["training.batch_size=8"],
        "training.batch_size",
        "8 images a batch for batch normalization; take 16 or more",
        ["training.batch_size=8", "generator.normalization=layer", "discriminator.normalization=none"],
    ),
    "size_balance": (
        ["generator.input.filters=1024"],
        "generator",
        "parameters against",
        ["generator.input.filters=16"],
    ),
    "receptive_field": (
        ["discriminator.output.head=sum_pool_dense"],
        "discriminator.output.head",
        "the head judges patches of 10x10 of the image's 16x16 pixels",
        ["discriminator.output.head=sum_pool_dense", "discriminator.downsample={use: strided_conv, kernel_size: 8}"],
    ),
    "latent_not_seen": (
        ["generator.input.projection={use: learned_constant, modulate: false}"],
        "generator.input.projection",
        "learned_constant does not depend on the latent vector; a later part must take it",
        ["generator.input.projection=learned_constant"],
    ),
    "empty_item": (
        ["generator.output.order=[normalization, upsample, activation]"],
        "generator.output.order",
        "names normalization, but the block has no normalization; set it, or leave the item out",
        ["generator.output.order=[normalization, upsample, activation]", "generator.output.normalization=layer"],
    ),
    "unused_class_logit": (
        [*CLASSIFIER, "training.class_loss=cross_entropy"],
        "training.class_loss",
        "fake is 0, so the logit for generated images is never a target; fake: 1 makes it one",
        [*CLASSIFIER, "training.class_loss={use: cross_entropy, fake: 1.0}"],
    ),
    "adam_momentum": (
        ["training.optimizer={use: adam, beta_1: 0.9}"],
        "training.optimizer",
        "beta_1 0.9 with an adversarial loss; 0.5 is usual",
        ["training.optimizer.beta_1=0.8"],
    ),
    "dying_units": (
        ["discriminator.activation=relu"],
        "discriminator.activation",
        "relu is flat for negative inputs; leaky_relu is not",
        ["discriminator.activation=elu"],
    ),
    "saturating_activation": (
        ["generator.activation=sigmoid"],
        "generator.activation",
        "sigmoid in a hidden layer saturates on both sides",
        ["generator.activation=softplus"],
    ),
    "no_hidden_activation": (
        ["generator.activation=linear", "generator.output.activation=tanh"],
        "generator",
        "no activation stands between the layers, or only linear ones",
        ["generator.activation=leaky_relu"],
    ),
    "zeros_in_a_row": (
        [*ZEROS, "generator.shortcut=false"],
        "generator.order.3.convolution",
        "stage1_convolution_2 and stage2_convolution_2 start at 0, and no shortcut joins between them: neither kernel changes",
        [*ZEROS, "generator.shortcut=true"],
    ),
    "large_first_weights": (
        ["generator.initializer={use: normal, stddev: 2.0}"],
        "generator.upsample",
        # 4 x 4 x 8 weights meet in each output of the stage: 2 √128 = 22.6.
        "of the generator starts by multiplying its features by",
        ["generator.initializer={use: normal, stddev: 0.5}"],
    ),
    "step_size": (
        ["training.discriminator.optimizer.learning_rate=1.0e-2"],
        "training.discriminator.optimizer",
        "learning rate 0.01: the first weights of the discriminator deviate by 0.02, and one step moves each by 50 %",
        ["training.discriminator.optimizer.learning_rate=1.0e-3"],
    ),
    "slow_average": (
        ["training.ema=0.9", "training.ema_ramp=false"],
        "training.ema",
        "after 10 steps 35 % of the averaged generator are its first weights",
        ["training.ema=0.9", "training.ema_ramp=true"],
    ),
    "unbounded_loss": (
        ["training.loss=wasserstein"],
        "training.loss",
        "D's loss has no lowest value, and nothing bounds D: no penalty, clip, constraint",
        ["training.loss=wasserstein", "training.discriminator.weight_clip=0.01"],
    ),
    "memory": (
        ["training.batch_size=65536", "generator.stages.0.filters=1024"],
        "training.batch_size",
        "a training step needs about",
        ["training.batch_size=64"],
    ),
}


@pytest.fixture(scope="module")
def advice(base):
    """Return a function (overrides, folder=None) -> what the lints say about the base recipe with overrides."""

    def advice(overrides, folder=None):
        recipe = base(*overrides, folder=folder)
        return lint(recipe, build_networks(recipe, symbolic=True))

    return advice


OF_STRANGERS = {"bounded_logit", "frozen_layer", "opaque_layer", "unconstrained_kernel"}
"""Built-in components do not earn them. Plugins do in test_opaque_layers.py, test_constraints.py and
test_optimizer_lints.py."""


def test_every_lint_is_tested_here():
    assert set(CASES) | OF_STRANGERS == set(LINTS)


def test_the_recipe_that_all_cases_change_has_nothing_to_advise(advice):
    assert advice([]) == ()


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_fires(name, advice):
    bad, key, message, _ = CASES[name]
    found = [item for item in advice(bad) if item.lint == name]
    assert key in {item.key for item in found}
    assert all(message in item.message for item in found if item.key == key)


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_points_to_what_the_reader_wrote(name, advice):
    bad, key, _, _ = CASES[name]
    if name in ("checkerboard_stack", "bias_before_batch_normalization", "size_balance"):
        # What is to blame is the sum of several keys.
        return
    (item, *_) = [item for item in advice(bad) if item.lint == name and item.key == key]
    assert item.mark.source == "override"


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_is_silent_on_the_good_twin(name, advice):
    assert [item for item in advice(CASES[name][3]) if item.lint == name] == []


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_can_be_silenced_and_the_others_stay(name, advice):
    bad = CASES[name][0]
    others = [item for item in advice(bad) if item.lint != name]
    assert list(advice([*bad, f"silence=[{name}]"])) == others


@pytest.mark.parametrize("name", sorted(LINTS))
def test_it_says_why_in_a_sentence_with_its_source(name):
    why = LINTS[name].why
    assert why.endswith(".")
    if name not in ("empty_item", "memory", "opaque_layer"):
        assert "(" in why
        assert any(word in why for word in ("arXiv", "distill", "2010", "published models", "authors' code", "2015"))


def test_advice_is_sorted_by_place(advice):
    found = advice(["training.batch_size=8", "generator.upsample.kernel_size=3", "generator.activation=tanh"])
    assert len(found) == 4
    assert list(found) == sorted(found, key=lambda item: item.mark)


def test_a_choice_for_the_whole_network_is_told_once(advice):
    found = [item for item in advice(["discriminator.activation=relu"]) if item.lint == "dying_units"]
    assert len(found) == 1


def test_both_networks_can_overlap(advice):
    found = {item.key: item.message for item in advice(["discriminator.downsample.kernel_size=3"])}
    assert "in the gradient that it sends back" in found["discriminator.downsample"]


def test_a_kernel_that_misses_pixels(advice):
    found = {item.lint: item.message for item in advice(["discriminator.downsample.kernel_size=1"])}
    assert "kernel 1 with stride 2 never touches some pixels" in found["kernel_overlap"]


@pytest.mark.parametrize("pooling", ["blur_pool", "max_pool", "average_pool", "space_to_depth"])
def test_pooling_does_not_overlap_unevenly(pooling, advice):
    assert [item for item in advice([f"discriminator.downsample={pooling}"]) if item.lint == "kernel_overlap"] == []


def test_strangers_components_are_judged_like_built_ins(advice, sample_plugins):
    found = advice(["discriminator.activation={use: bent, slope: 0.0}"], sample_plugins / "folder")
    assert [(item.lint, item.message) for item in found] == [
        ("dying_units", "bent is flat for negative inputs; leaky_relu is not")
    ]
    assert advice(["discriminator.activation={use: bent, slope: 0.1}"], sample_plugins / "folder") == ()


@pytest.mark.parametrize("name", ["lecture-fashion28", "tiny-fashion28"])
def test_the_lectures_recipes_have_nothing_to_advise(name, resolve):
    recipe = resolve(name)
    assert [str(item) for item in lint(recipe, build_networks(recipe, symbolic=True))] == []


def test_the_models_that_the_lecture_warns_of_are_recognized(resolve):
    recipe = resolve("coursera-mnist28")
    found = {item.lint for item in lint(recipe, build_networks(recipe, symbolic=True))}
    # No checkerboard of the stack: the last stage's 4x4 kernel adds what the 3x3 kernel left uneven, 1 + 2 = 2 + 1.
    assert "checkerboard_stack" not in found
    assert {"kernel_overlap", "normalization_on_discriminator_input", "size_balance",
            "bias_before_batch_normalization"} <= found  # fmt: skip


ATTENTION = """
import keras
from dcgan_kit import component, hookimpl


@keras.saving.register_keras_serializable("tests")
class Attention(keras.layers.Layer):
    def call(self, x):
        flat = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        scores = keras.ops.softmax(keras.ops.matmul(flat, keras.ops.transpose(flat, (0, 2, 1))))
        return x + keras.ops.reshape(keras.ops.matmul(scores, flat), (-1, *x.shape[1:]))


@component("regularizer")
def looking():
    \"\"\"Attend.  (B, H, W, C) → (B, H, W, C).\"\"\"
    return Attention()


@hookimpl
def dcgan_kit_components():
    return [looking]
"""


@pytest.mark.parametrize(
    ("overrides", "patch"),
    [
        ((), "10x10"),
        (("discriminator.stages.1.normalization=instance",), "10x10"),
        (("discriminator.stages.1.regularizer=minibatch_stddev",), "10x10"),
        (("discriminator.stages.0.regularizer=looking",), ""),
        (("discriminator.stages.1.regularizer=looking",), ""),
        (("discriminator.output.head=dense",), ""),
    ],
    ids=str,
)
def test_patches_are_what_a_head_sees_at_once(overrides, patch, networks_of, base, tmp_path):
    """Means over the map look at it patch by patch; attention, once and for all, does not."""
    (tmp_path / "looking.py").write_text(ATTENTION)
    given = ("discriminator.output.head=average_pool_dense", *overrides)
    found = [
        advice.message
        for advice in lint(base(*given, folder=tmp_path), networks_of(*given, folder=tmp_path))
        if advice.lint == "receptive_field"
    ]
    assert found == ([f"the head judges patches of {patch} of the image's 16x16 pixels"] if patch else [])


def lines_of(name, found):
    return [(item.key, item.message) for item in found if item.lint == name]


def test_an_empty_item_of_a_shortcut_or_of_all_stages_is_named(advice):
    shortcut = "{order: [upsample, convolution: {kernel_size: 1}, attention]}"
    found = advice([f"generator.stages.0.shortcut={shortcut}"])
    told = "names attention, but the block has no attention; set it, or leave the item out"
    assert lines_of("empty_item", found) == [("generator.stages.0.shortcut.order", told)]
    network = ["generator.order=[upsample, normalization, activation, attention]"]
    told = "names attention, but the stages have no attention; set it, or leave the item out"
    assert lines_of("empty_item", advice(network)) == [("generator.order", told)]
    some = [*network, "generator.stages=[{filters: 4, attention: {use: squeeze_excitation, ratio: 2}}, {filters: 4}]"]
    assert lines_of("empty_item", advice([*some, "image.size=32"])) == []


def test_an_order_that_is_taken_back_names_nothing(advice):
    assert lines_of("empty_item", advice(["generator.output.order=null"])) == []


@pytest.mark.parametrize(
    "between",
    [
        # The first kernel's features also go through the shortcut of the second block.
        "generator.stages=[{filters: 8, shortcut: false}, {filters: 8, shortcut: true}]",
        # Softplus makes something of zeros.
        "generator.activation=softplus",
    ],
)
def test_zeros_that_do_not_meet(between, advice):
    assert lines_of("zeros_in_a_row", advice([*ZEROS, "generator.shortcut=false", between])) == []


@pytest.mark.parametrize("other", ["generator.normalization=layer", "generator.stages.0.regularizer=gaussian_noise"])
def test_what_may_be_non_linear_is_no_linear_network(other, advice):
    assert lines_of("no_hidden_activation", advice(["generator.activation=linear", other])) == []
