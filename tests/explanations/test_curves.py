"""Examples of activations and normalizations: numbers that follow from their formulas."""

import numpy as np
import pytest
from scipy.stats import norm

from dcgan_kit.errors import UserError


def test_relu_is_flat_for_half_of_its_inputs_and_leaky_relu_for_none(work):
    relu, leaky = work("relu", input=[-3, 0.5, 2]), work("leaky_relu", "negative_slope=0.1", input=[-3, 0.5, 2])
    assert relu.facts["output"] == [0, 0.5, 2]
    assert relu.facts["slope"] == [0, 1, 1]
    assert relu.facts["share of N(0, 1) with almost no gradient"] == pytest.approx(0.5, abs=0.003)
    assert relu.sentences[0] == "It is flat below 0: 50 % of inputs from N(0, 1) get almost no gradient."
    np.testing.assert_allclose(leaky.facts["output"], [-0.3, 0.5, 2], rtol=1e-6)
    np.testing.assert_allclose(leaky.facts["slope"], [0.1, 1, 1], rtol=1e-6)
    assert leaky.facts["flat intervals"] == []


def test_tanh_saturates_where_its_slope_is_a_hundredth(work):
    ((_, low), (high, _)) = work("tanh").facts["flat intervals"]
    edge = np.arctanh(np.sqrt(0.99))
    assert (-low, high) == pytest.approx((edge, edge), abs=0.02)
    share = work("tanh").facts["share of N(0, 1) with almost no gradient"]
    assert share == pytest.approx(2 * norm.cdf(-edge), rel=0.05)


def test_only_a_non_linear_activation_bends(work):
    assert work("linear").facts["share that the best linear map leaves"] < 1e-9
    assert "one linear map" in work("linear").sentences[1]
    assert work("relu").facts["share that the best linear map leaves"] > 0.1


def test_batch_norm_by_hand(work):
    found = work("batch", input=[[2], [4], [4], [6]])
    z = np.array([2, 4, 4, 6.0])
    np.testing.assert_allclose(np.ravel(found.facts["training"]), 2 * (z - 4) / np.sqrt(2 + 1e-5) + 1, rtol=1e-5)
    running_mean, running_variance = 0.1 * 4, 0.9 * 1 + 0.1 * 2
    at_test = 2 * (z - running_mean) / np.sqrt(running_variance + 1e-5) + 1
    np.testing.assert_allclose(np.ravel(found.facts["test"]), at_test, rtol=1e-5)
    assert [step.text for step in found.steps][:4] == [
        "training, channel 0: mean μ = (2 + 4 + 4 + 6) / 4 = 4",
        "training, channel 0: variance σ² = ((-2)² + 0² + 0² + 2²) / 4 = 2",
        "training, channel 0: ẑ = (z - 4) / √(2 + 1e-05) = -1.414, 0, 0, 1.414",
        "training, channel 0: scale γ and shift β: y = 2·ẑ + 1 = -1.828, 1, 1, 3.828",
    ]
    before, after = found.panels[-2:]
    for name, wanted in (("batch A, N(0, 1)", (0, 1)), ("batch B, N(5, 3²)", (5, 3))):
        assert (np.mean(before.values[name]), np.std(before.values[name])) == pytest.approx(wanted, abs=0.2)
        assert (np.mean(after.values[name]), np.std(after.values[name])) == pytest.approx((0, 1), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "over", "centred"),
    [
        ("batch", "each channel, over the batch, height and width", True),
        ("instance", "each image and channel, over height and width", True),
        ("layer", "each image, over height, width and channels", True),
        ("group", "each image, over height, width and channels", True),
        ("pixel", "each pixel, over its channels", False),
        ("rms", "each pixel, over its channels", False),
        ("none", "", None),
        ("self_modulated_batch", "each channel, over the batch, height and width", True),
    ],
)
def test_what_a_normalization_takes_statistics_over_is_found_by_trying(name, over, centred, work):
    found = work(name)
    assert (found.facts["normalizes"], found.facts["subtracts the mean"]) == (over, centred)
    assert ("in 8 groups of channels" in found.sentences[0]) == (name == "group")
    last = [step.text for step in found.steps if step.text.startswith("training") and "ẑ = (" in step.text]
    assert bool(last) == bool(over)


def test_a_batch_of_one_image_is_refused(work):
    with pytest.raises(UserError, match="at least two rows"):
        work("batch", input=[[1, 2]])


@pytest.mark.parametrize(
    "options",
    [["epsilon=0.1"], ["scale_initializer={use: normal, mean: 1.0, stddev: 0.02}"], ["scale_initializer=zeros"]],
    ids=str,
)
def test_the_statistics_are_found_whatever_epsilon_and_first_scales_are(options, work):
    found = work("batch", *options)
    assert found.facts["normalizes"] == "each channel, over the batch, height and width"
    if found.facts["scale"] is not None:
        hat = next(step.text for step in found.steps if "ẑ = (z" in step.text).rpartition(" = ")[2].split(", ")
        expected = [found.facts["scale"] * float(value) + found.facts["shift"] for value in hat]
        np.testing.assert_allclose(np.array(found.facts["training"])[:, 0], expected, atol=0.01)


def test_running_statistics_that_are_not_used_are_not_said_to_be(work):
    found = work("batch", "sampling=batch")
    assert found.sentences[1].startswith("It keeps running statistics, and does not use them")
    assert "as in training" in found.steps[-1].text


def test_groups_that_divide_the_channels_of_the_input_are_taken(work):
    found = work("group", "groups=3", input=[[1, 2, 3], [4, 5, 7]])
    assert "in 3 groups of channels" in found.sentences[0]
    assert work("group", "groups=32").facts["normalizes"]


def test_equal_numbers_are_no_sign_that_nothing_changes(work):
    assert work("layer", input=[[1, 1], [1, 1]]).sentences[0].startswith("It normalizes")
    assert work("normalization/none", input=[[0.1], [0.2]]).sentences[0] == "It changes nothing."
