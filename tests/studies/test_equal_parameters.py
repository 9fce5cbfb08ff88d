"""Networks with equal parameters: widths that adapt, and what cannot be."""

import re

import pytest

from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.summary import summarize
from dcgan_kit.studies.equal_parameters import MOST_FILTERS, MOST_UNEVEN, TOLERANCE, matched, trainable_parameters

NEAREST = (
    "generator.stages.0={order: [upsample, convolution, normalization, activation], upsample: nearest, filters: %d}"
)


def summary(recipe, role):
    return summarize(getattr(build_networks(recipe, symbolic=True), role))


def factors(recipe, overrides):
    """By how much each override changes a width."""
    found = []
    for override in overrides:
        key, _, value = override.partition("=")
        found.append(int(value) / recipe.origin.find(tuple(int(k) if k.isdigit() else k for k in key.split("."))).value)
    return found


def assert_matched(resolve, name, role, parameters, *overrides):
    """Apply what ``matched`` returns as a user would, and count as ``show`` does. Return it."""
    recipe = resolve(name, *overrides)
    found = matched(recipe, role, parameters)
    before, after = summary(recipe, role), summary(resolve(name, *overrides, *found), role)
    assert abs(after.trainable_parameters - parameters) <= TOLERANCE * parameters
    assert [(row.name, row.component) for row in after.rows] == [(row.name, row.component) for row in before.rows]
    ratios = factors(recipe, found) or [1.0]
    assert max(ratios) / min(ratios) <= MOST_UNEVEN
    return found


@pytest.mark.parametrize("name", ["tiny-fashion28", "lecture-fashion28"])
@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_parameters_are_those_that_show_prints(resolve, name, role):
    recipe = resolve(name)
    assert trainable_parameters(recipe, role) == summary(recipe, role).trainable_parameters


@pytest.mark.parametrize("name", ["tiny-fashion28", "lecture-fashion28"])
@pytest.mark.parametrize(
    "upsample",
    ["transposed_conv", "{use: transposed_conv, kernel_size: 5}", "resize_conv", "pixel_shuffle", "nearest"],
)
def test_ways_of_upsampling_get_equal_parameters(resolve, name, upsample):
    width = {"tiny-fashion28": 8, "lecture-fashion28": 64}[name]
    reference = trainable_parameters(resolve(name), "generator")
    override = NEAREST % width if upsample == "nearest" else f"generator.upsample={upsample}"
    assert_matched(resolve, name, "generator", reference, override)


def test_what_is_equal_already_keeps_its_widths(resolve):
    recipe = resolve("lecture-fashion28")
    assert matched(recipe, "generator", 365_281) == ()
    assert matched(recipe, "generator", round(365_281 * 1.019)) == ()


def test_a_wider_network_has_one_factor(resolve):
    found = assert_matched(resolve, "lecture-fashion28", "generator", 4 * 365_281)
    ratios = factors(resolve("lecture-fashion28"), found)
    assert len(ratios) == 3
    assert max(ratios) / min(ratios) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("role", "factor"), [("generator", 0.8), ("discriminator", 1.3)])
def test_a_residual_recipe_keeps_its_shortcuts(resolve, role, factor):
    usual = trainable_parameters(resolve("wgangp-resnet-cifar32"), role)
    found = assert_matched(resolve, "wgangp-resnet-cifar32", role, round(factor * usual))
    # All widths are equal there; if one moved alone, its shortcut would need a convolution.
    assert len({override.partition("=")[2] for override in found}) == 1


@pytest.mark.parametrize(("role", "factor"), [("generator", 1.7), ("discriminator", 0.7)])
def test_widths_of_items_and_groups(resolve, role, factor):
    # Its order is that of the network: items have widths of their own, and one convolution has 8 groups.
    usual = trainable_parameters(resolve("r3gan-tiny32"), role)
    found = assert_matched(resolve, "r3gan-tiny32", role, round(factor * usual))
    widths = dict(override.split("=") for override in found)
    assert int(widths[f"{role}.order.2.convolution.filters"]) % 8 == 0


def test_a_classifier_and_projections_with_widths(resolve):
    usual = trainable_parameters(resolve("cdcgan-mnist28"), "generator")
    found = assert_matched(resolve, "cdcgan-mnist28", "generator", usual // 2)
    assert "generator.input.order.1.projection.filters" in {override.partition("=")[0] for override in found}


def test_the_width_of_the_image_stays(resolve):
    order = "generator.output={order: [upsample, convolution: {filters: 24}, activation, convolution: {filters: 1}, activation], upsample: nearest, convolution: conv}"
    keys = {o.partition("=")[0] for o in assert_matched(resolve, "tiny-fashion28", "generator", 40_000, order)}
    assert "generator.output.order.1.convolution.filters" in keys
    assert "generator.output.order.3.convolution.filters" not in keys


def test_widths_of_a_tiny_network_move_apart(resolve):
    # One factor for both widths gives 2,281 (10 and 10) or 2,691 (11 and 11).
    found = assert_matched(resolve, "tiny-fashion28", "discriminator", 2353)
    assert len({override.partition("=")[2] for override in found}) == 2


@pytest.mark.parametrize(
    ("name", "role", "parameters", "nearest"),
    [
        # One channel at both places: 32 * 49 + 2 + 16 + 2 + 16 + 1.
        ("tiny-fashion28", "generator", 100, r"generator\.input\.filters=1, generator\.stages\.0\.filters=1 .*1,605"),
        ("tiny-fashion28", "generator", 10**9, r"generator\.input\.filters=512, .*-99\.\d%"),
    ],
)
def test_what_cannot_be_is_refused_with_what_came_nearest(resolve, name, role, parameters, nearest):
    with pytest.raises(UserError) as caught:
        matched(resolve(name), role, parameters)
    message = str(caught.value)
    assert f"cannot have {parameters:,} trainable parameters within 2%" in message
    assert re.search(nearest, message)


def test_widths_are_no_larger_than_a_recipe_allows(resolve):
    recipe = resolve("tiny-fashion28", "generator.input.filters=512", "generator.stages.0.filters=300")
    with pytest.raises(UserError, match=r"generator\.input\.filters=16384, "):
        matched(recipe, "generator", 10**10)
    # The bound that MOST_FILTERS repeats.
    resolve("tiny-fashion28", f"generator.input.filters={MOST_FILTERS}")
    with pytest.raises(RecipeError):
        resolve("tiny-fashion28", f"generator.input.filters={MOST_FILTERS + 1}")


def test_a_network_without_widths_is_refused(resolve):
    recipe = resolve("tiny-fashion28", "discriminator.stages=[{downsample: average_pool, normalization: none}]")
    with pytest.raises(UserError, match="has no filters"):
        matched(recipe, "discriminator", 10_000)
