"""Items of orders with own options, repeated stages and shortcuts: what a recipe means, and that it can be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcgan_kit.recipes.yaml_writer import as_data, as_yaml, flattened

NETWORK = """
generator:
  convolution: {use: conv, kernel_size: 5}
  order: [normalization, activation, upsample: nearest, convolution: {filters: 12}, convolution]
  shortcut: {order: [upsample: {use: nearest}, convolution: {kernel_size: 1}], scale: 0.5}
  stages:
    - {filters: 8, repeat: 3}
    - {name: wide, filters: 6, shortcut: true, order: [activation: {use: leaky_relu, negative_slope: 0.1}, convolution]}
    - {order: [attention: self_attention], shortcut: false}
    - {order: [convolution: {filters: 4}, attention], attention: {use: squeeze_excitation, ratio: 2}, shortcut: {join: concatenate}}
"""


@pytest.fixture
def recipe(resolved, whole):
    """The small whole recipe, with every way to branch in its generator."""
    head, _, rest = whole.partition("generator:\n")
    body, _, end = rest.partition("  stages:\n    - filters: 8\n")
    own = NETWORK.removeprefix("\ngenerator:\n")
    return resolved(f"{head}generator:\n{body}{own}{end}")


@pytest.fixture
def stages(recipe):
    """The stages of its generator, by name."""
    return {block.name: block for block in recipe.generator.blocks[1:-1]}


def test_stages_take_order_and_shortcut_from_their_network(stages):
    first = stages["stage1"]
    assert first.slot_order == ("normalization", "activation", "upsample", "convolution", "convolution")
    assert (first.repeat, first.shortcut.scale, first.shortcut.join) == (3, 0.5, "add")
    assert [item.slot for item in first.shortcut.order] == ["upsample", "convolution"]


def test_a_stage_may_leave_out_the_shortcut_of_its_network_or_set_another(stages):
    assert stages["stage3"].shortcut is None
    assert (stages["wide"].shortcut.order, stages["wide"].shortcut.scale) == (None, 1.0)
    assert stages["stage4"].shortcut.join == "concatenate"


def test_an_item_is_laid_over_the_slot_of_its_block(stages):
    items = stages["stage1"].order
    # The block's own kernel stays; only the channels are the item's.
    assert (items[3].choice.options["kernel_size"], items[3].filters) == (5, 12)
    assert (items[4].choice.options["kernel_size"], items[4].filters) == (5, None)
    # Another component drops the options of the block's.
    assert items[2].choice.component.name == "nearest"
    assert dict(items[2].choice.options) == {"factor": 2}
    assert stages["stage1"].shortcut.order[1].choice.options["kernel_size"] == 1
    assert stages["wide"].order[0].choice.options["negative_slope"] == 0.1


def test_an_item_changes_no_other_item(stages):
    assert stages["stage1"].slots["upsample"].component.name == "transposed_conv"
    assert stages["stage1"].order[1].choice.component.name == "relu"


def test_an_item_knows_its_place(stages, recipe):
    items = stages["stage1"].order
    assert items[3].path == ("generator", "order", 3, "convolution")
    assert items[4].path == ("generator", "stages", 0, "convolution")
    assert stages["stage1"].shortcut.order[1].path == ("generator", "shortcut", "order", 1, "convolution")
    assert stages["stage3"].order[0].path == ("generator", "stages", 2, "order", 0, "attention")
    lines = recipe.origin.mark.source, recipe.mark(items[3].path).line
    assert lines[1] == recipe.mark(("generator", "order")).line


def test_what_is_written_resolves_to_the_same_recipe(recipe, resolved):
    written = as_yaml(as_data(recipe))
    again = resolved(written)
    assert again == recipe
    assert as_yaml(as_data(again)) == written


def test_what_is_written_says_items_repeats_and_shortcuts(recipe):
    keys = flattened(as_data(recipe))
    assert keys["generator.stages.0.order.3.convolution.filters"] == 12
    assert keys["generator.stages.0.order.4"] == "convolution"
    assert keys["generator.stages.0.repeat"] == 3
    assert keys["generator.stages.0.shortcut.scale"] == 0.5
    assert keys["generator.stages.1.name"] == "wide"
    assert not any(key.startswith("generator.stages.2.shortcut") for key in keys)
    assert not any(key.startswith(("generator.order", "generator.shortcut")) for key in keys)


def test_a_recipe_without_them_is_written_as_before(resolved, whole):
    stage = as_data(resolved(whole))["generator"]["stages"][0]
    assert not {"name", "repeat", "shortcut"} & set(stage)
    assert all(isinstance(item, str) for item in stage["order"])


@pytest.mark.parametrize(
    "override",
    [
        "generator.order=[upsample, convolution: {use: conv, kernel_size: 1}, activation]",
        "generator.shortcut=true",
        "generator.stages.0.shortcut={order: [upsample], join: concatenate, scale: 0.25}",
        "generator.stages.0.repeat=2",
        "generator.stages.stage1.name=wide",
        "generator.stages.0={filters: 8, order: [upsample: {filters: 16}, activation, convolution: {use: separable_conv}]}",
        "generator.stages.0.attention={use: self_attention, pool: false}",
        "generator.input.order=[projection, reshape, activation: {use: leaky_relu, negative_slope: 0.3}]",
        "discriminator.output={normalization: layer, activation: relu, order: [normalization: {epsilon: 0.1}, activation, head]}",
    ],
)
def test_each_is_written_and_changes_the_recipe(override, resolved, whole):
    plain, changed = resolved(whole), resolved(whole, override)
    assert changed != plain
    assert resolved(as_yaml(as_data(changed))) == changed


def test_an_override_reaches_into_items_and_shortcuts(resolved, whole):
    order = "generator.stages.0.order=[upsample, convolution: {use: conv, kernel_size: 1}, activation]"
    shortcut = "generator.stages.0.shortcut={order: [upsample, convolution: {use: conv}]}"
    found = resolved(
        whole, order, shortcut, "generator.stages.0.order.1.convolution.kernel_size=7",
        "generator.stages.0.shortcut.order.1.convolution.filters=8", "generator.stages.0.shortcut.scale=0.5",
    ).generator.blocks[1]  # fmt: skip
    assert found.order[1].choice.options["kernel_size"] == 7
    assert (found.shortcut.order[1].filters, found.shortcut.scale) == (8, 0.5)


def test_two_recipes_differ_in_the_items_that_differ():
    import dcgan_kit

    file = Path(__file__).parent / "broken" / "parents" / "whole.yaml"
    stage = "generator.stages.0={{filters: 8, repeat: {}, shortcut: true, order: [upsample, activation, convolution: {{use: conv, kernel_size: {}}}]}}"
    one, other = (dcgan_kit.load_recipe(file, stage.format(*values)) for values in ((2, 1), (3, 5)))
    assert one.differences(other) == {
        "generator.stages.0.repeat": (2, 3),
        "generator.stages.0.order.2.convolution.kernel_size": (1, 5),
    }
