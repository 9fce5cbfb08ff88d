"""What is said about branches before training: advice, uneven overlap, memory, and what does not fit."""

from __future__ import annotations

import math

import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.kernel_overlap import graph_evenness, stack_evenness
from dcgan_kit.networks.lint import lint
from dcgan_kit.networks.resampling import Resize, Window
from dcgan_kit.networks.summary import summarize, training_memory


def advice_of(recipe):
    found = lint(recipe, build_networks(recipe, symbolic=True))
    return {(item.lint, item.key, item.message) for item in found}


def test_a_stack_with_branches_has_nothing_to_advise(branched):
    recipe = branched("training.batch_size=64", "generator.output.activation=tanh")
    assert {name for name, _, _ in advice_of(recipe)} <= {"dying_units"}


def test_a_bias_before_batch_normalization_is_told_of_each_copy(branched):
    found = {
        message for name, _, message in advice_of(branched("generator.stages.0.bias=true")) if "bias_before" in name
    }
    # What the last convolutions return reaches attention, which is no sum with their biases.
    assert found == {
        "a bias in stage1.1_convolution before batch normalization in stage1.1_normalization_2; set bias: false",
        "a bias in stage1.2_convolution before batch normalization in stage1.2_normalization_2; set bias: false",
    }


@pytest.mark.parametrize(("shortcut", "told"), [("true", False), ("false", True)])
def test_a_bias_that_a_shortcut_carries_on_is_of_use(shortcut, told, networks_of, base):
    """The last bias before a stage with a shortcut reaches the sum past the stage's normalization."""
    stages = (
        "generator.stages=[{filters: 4, bias: true, order: [upsample]}, "
        f"{{filters: 4, order: [normalization, activation, convolution], shortcut: {shortcut}}}]"
    )
    message = "a bias in stage1_upsample before batch normalization in stage2_normalization; set bias: false"
    found = {message for name, _, message in advice_of(base(stages)) if name == "bias_before_batch_normalization"}
    assert (message in found) == told


@pytest.mark.parametrize("normalized", [True, False])
def test_a_bias_is_useless_if_every_way_after_the_join_is_normalized(normalized, base):
    kind = "batch" if normalized else "none"
    recipe = base(
        "generator.stages=[{filters: 4, order: [upsample]}, {filters: 4, bias: true, order: [activation, convolution], shortcut: true}]",
        f"generator.output={{order: [normalization, activation: relu, upsample, activation], normalization: {kind}}}",
    )
    message = "a bias in stage2_convolution before batch normalization in output_normalization; set bias: false"
    assert (message in {text for _, _, text in advice_of(recipe)}) == normalized


def test_a_kernel_that_overlaps_unevenly_is_named_by_its_item(base):
    recipe = base(
        "generator.stages.0={filters: 4, order: [upsample: {kernel_size: 3}, activation], shortcut: {order: [upsample: {kernel_size: 5}]}}"
    )
    found = {key: message for name, key, message in advice_of(recipe) if name == "kernel_overlap"}
    assert set(found) == {"generator.stages.0.order.0.upsample", "generator.stages.0.shortcut.order.0.upsample"}
    assert "kernel 3 with stride 2 touches" in found["generator.stages.0.order.0.upsample"]
    assert "kernel 5 with stride 2 touches" in found["generator.stages.0.shortcut.order.0.upsample"]


def up(kernel, stride=2):
    return Window(True, True, (kernel, kernel), (stride, stride))


def test_ways_are_joined_by_a_sum_and_not_chained():
    uneven, even = up(3), [Resize((2, 2)), Window(True, False, (3, 3), (1, 1))]
    alone, _ = stack_evenness([uneven])
    # 4/3 and 2/3 of the mean on one way, 1 and 1 on the other: 7/3 and 5/3.
    assert graph_evenness([([uneven], (-1,)), (even, (-1,)), ([], (0, 1))])[0] == pytest.approx(7 / 5)
    assert graph_evenness([([uneven], (-1,)), ([uneven], (-1,)), ([], (0, 1))])[0] == pytest.approx(alone)
    assert graph_evenness([(even, (-1,)), (even, (-1,)), ([], (1, 0))]) == pytest.approx((1.0, 0.0))


def test_a_shortcut_around_a_stage_keeps_what_came_before_uneven():
    assert graph_evenness([([up(3)], (-1,)), ([], (0,)), ([], (1, 0))])[0] == pytest.approx(2.0)


def test_periods_of_two_ways_meet():
    ratio, _ = graph_evenness([([up(3), up(3)], (-1,)), ([up(4, 4)], (-1,)), ([], (0, 1))])
    assert ratio > 1.0
    assert ratio < stack_evenness([up(3), up(3)])[0]


def test_the_lint_of_the_stack_walks_both_ways(base):
    message = next(
        text
        for name, _, text in advice_of(
            base(
                "generator.output.upsample={use: resize_conv, kernel_size: 3}",
                "generator.stages.0={filters: 4, order: [upsample: {kernel_size: 3}, activation], shortcut: {order: [upsample: {kernel_size: 3}]}}",
            )
        )
        if name == "checkerboard_stack"
    )
    # As if there were only one of both ways; chained, they would be far more uneven.
    alone, _ = stack_evenness([up(3), Resize((2, 2)), Window(True, False, (3, 3), (1, 1))])
    assert f"most / least {alone:.3g}," in message


def test_memory_counts_every_part_once_and_the_weights_of_attention(networks_of):
    plain = networks_of("generator.stages.0={filters: 8, shortcut: true}")
    summary = summarize(plain.generator)
    assert summary.activations == sum(math.prod(part.output_shape) for part in plain.generator.parts)
    attending = networks_of("generator.stages.0={filters: 8, shortcut: true, attention: self_attention}")
    more = summarize(attending.generator).activations - summary.activations
    # The map itself; a weight for each of 64 pixels and 16 pooled ones; and a mean of 4 values for each pixel.
    assert more == 8 * 8 * 8 + 64 * 16 + 64 * 4
    assert training_memory(attending, 64, False) - training_memory(plain, 64, False) >= 4 * 2 * 64 * more


UP = "generator.stages.0="


@pytest.mark.parametrize(
    ("overrides", "key", "message"),
    [
        (
            [UP + "{filters: 4, shortcut: {order: [convolution: {kernel_size: 1}]}}"], "generator.stages.0.shortcut",
            "stage1 returns 8x8x4 and its shortcut 4x4x4, which do not meet. In the stage stage1_upsample makes 8x8 "
            "of 4x4, and in the shortcut nothing resamples",
        ),
        (
            [UP + "{filters: 4, order: [activation], shortcut: {order: [upsample]}}"], "generator.stages.0.shortcut",
            "stage1 returns 4x4x8 and its shortcut 8x8x4, which do not meet. In the stage nothing resamples, and in "
            "the shortcut stage1_shortcut_upsample makes 8x8 of 4x4",
        ),
        (
            [UP + "{filters: 4, shortcut: {order: [upsample: nearest]}}"], "generator.stages.0.shortcut",
            "stage1 returns 8x8x4 and its shortcut 8x8x8, which do not meet. A sum needs equal channels: end the "
            "shortcut's order in a convolution, or concatenate",
        ),
        (
            [UP + "{filters: 4, shortcut: {join: concatenate, order: [activation]}}"], "generator.stages.0.shortcut",
            "stage1 returns 8x8x4 and its shortcut 4x4x8, which do not meet. In the stage stage1_upsample makes 8x8 "
            "of 4x4, and in the shortcut nothing resamples",
        ),
        (
            [UP + "{filters: 4, order: [upsample: {use: nearest, filters: 6}, convolution]}"],
            "generator.stages.0.order.0.upsample.filters", "nearest returns 8 channels and cannot return 6",
        ),
        (
            [UP + "{filters: 4, order: [convolution: {filters: 12}, upsample: nearest]}"],
            "generator.stages.0.filters", "stage1 returns 12 channels, as its order says, and not 4",
        ),
        (
            ["image.size=512", "generator.input.projection.size=128", UP + "{attention: {use: self_attention, pool: false}}"],
            "generator.stages.0.attention",
            "attention attention/self_attention: the attention weights of one image need 16.0 GiB, and may need at "
            "most 1 GiB: 65536 x 65536 numbers. Received: map 256x256, pool=False. Put attention where the map is "
            "smaller.",
        ),
    ],
    ids=["stage resamples", "shortcut resamples", "channels", "concatenated", "width", "two widths", "attention"],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_both_shapes(overrides, key, message, networks_of):
    with pytest.raises(RecipeError) as caught:
        networks_of(*overrides)
    assert {problem.key: problem.message for problem in caught.value.problems}[key] == message
    assert all(problem.mark.source == "override" for problem in caught.value.problems)
