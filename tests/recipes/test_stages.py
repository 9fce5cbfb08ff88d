"""Stages of a parent that a child changes one by one, by name or by number."""

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes.loading import load_recipe

PARENT = """
version: 1
extends: dcgan
image: {size: 8, channels: 1}
data: fashion_mnist_4k
generator:
  input: {projection: {use: dense, size: [2, 2]}, filters: 8}
  stages: [{filters: 8}, {filters: 6, name: wide, normalization: none}]
  output: {upsample: {use: conv}}
discriminator: {stages: [{filters: 8}]}
training: {steps: 1}
"""


@pytest.fixture
def stages(tmp_path):
    """Return a function (child's text) -> the stages of the generator, by name."""

    def stages(child="", *overrides):
        (tmp_path / "parent.yaml").write_text(PARENT)
        file = tmp_path / "child.yaml"
        file.write_text(f"version: 1\nextends: parent.yaml\n{child}")
        return {
            block.name: block
            for block in load_recipe(str(file), overrides, PluginSettings()).recipe.generator.blocks[1:-1]
        }

    return stages


def test_a_mapping_changes_single_stages(stages):
    found = stages("generator: {stages: {stage1: {filters: 4}, wide: {normalization: layer}}}")
    assert list(found) == ["stage1", "wide"]
    assert (found["stage1"].filters, found["wide"].filters) == (4, 6)
    assert found["wide"].slots["normalization"].component.name == "layer"


def test_a_list_replaces_the_list(stages):
    assert list(stages("generator: {stages: [{filters: 4}]}")) == ["stage1"]


@pytest.mark.parametrize("place", ["0", "stage1"])
def test_an_override_names_a_stage_by_index_or_by_name(stages, place):
    assert stages("", f"generator.stages.{place}.filters=5")["stage1"].filters == 5


def test_an_override_names_a_stage_by_its_own_name(stages):
    assert stages("", "generator.stages.wide.filters=5")["wide"].filters == 5


def test_an_override_of_a_whole_stage_merges_by_name_and_replaces_by_number(stages):
    found = stages("", "generator.stages.wide={normalization: layer}")["wide"]
    assert (found.filters, found.slots["normalization"].component.name) == (6, "layer")
    assert stages("", "generator.stages.1={normalization: layer}")["stage2"].filters is None


def test_a_stage_with_its_own_name_has_no_number(stages):
    with pytest.raises(
        RecipeError, match=r"generator.stages.stage2: no stage of the parent has this name\. Did you mean 'stage1'"
    ):
        stages("generator: {stages: {stage2: {filters: 4}}}")
    with pytest.raises(RecipeError, match="has items 0 to 1, called stage1, wide"):
        stages("", "generator.stages.stage2.filters=4")


@pytest.mark.parametrize("name", ["input", "output", "wide"])
def test_a_name_is_given_once(stages, name):
    with pytest.raises(RecipeError, match=f"name: is taken: .*{name}"):
        stages(f"generator: {{stages: {{stage1: {{name: {name}}}}}}}")


@pytest.mark.parametrize("name", ["Wide", "my_stage", "1st", "ab"])
def test_a_name_has_small_letters_and_digits(stages, name):
    with pytest.raises(RecipeError, match="name: "):
        stages(f"generator: {{stages: {{stage1: {{name: {name}}}}}}}")
