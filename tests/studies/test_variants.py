"""What a study varies: axes from texts and mappings, their combinations, and what is refused."""

import pytest

from dcgan_kit.errors import UserError
from dcgan_kit.studies.variants import axis_of, parse_axis, variants_of


def test_values_are_texts_numbers_and_mappings():
    axis = parse_axis("generator.upsample=transposed_conv,{use: transposed_conv, kernel_size: 5}, resize_conv")
    assert axis.key == "generator.upsample"
    assert axis.values == ('"transposed_conv"', '{"use": "transposed_conv", "kernel_size": 5}', '"resize_conv"')
    assert axis.names == ("transposed_conv", '{"use": "transposed_conv", "kernel_size": 5}', "resize_conv")
    assert not axis.named


def test_a_mapping_names_its_values():
    axis = axis_of("generator.upsample", {"k5": {"use": "transposed_conv", "kernel_size": 5}, "resize": "resize_conv"})
    assert axis.named
    assert [variant.title for variant in variants_of([axis])] == ["k5", "resize"]


def test_all_combinations_and_the_last_axis_changes_fastest():
    axes = [parse_axis("training.loss=hinge,wasserstein"), parse_axis("training.batch_size=16,32,64")]
    found = variants_of(axes)
    assert [variant.title for variant in found] == [
        "hinge, 16", "hinge, 32", "hinge, 64", "wasserstein, 16", "wasserstein, 32", "wasserstein, 64",
    ]  # fmt: skip
    assert found[4].overrides == ('training.loss="wasserstein"', "training.batch_size=32")
    assert found[4].recipe is None


def test_recipes_are_an_axis_that_overrides_nothing():
    first, second = variants_of([parse_axis("recipe=tiny-fashion28,small-fashion28")])
    assert (first.recipe, second.recipe) == ("tiny-fashion28", "small-fashion28")
    assert first.overrides == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("generator.upsample", "--vary takes KEY=VALUE,VALUE"),
        ("=a,b", "--vary takes KEY=VALUE,VALUE"),
        ("generator.upsample=", "at least two values"),
        ("generator.upsample=nearest", 'at least two values. Received: "nearest"'),
        ("generator.upsample=nearest,nearest", 'each value once. Received twice: "nearest"'),
        ("training.batch_size=16, 16", "each value once"),
        ("generator.upsample={use: nearest,bilinear", "--vary generator.upsample: "),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        parse_axis(text)


def test_no_axis_a_double_axis_and_too_many_combinations_are_refused():
    axis = parse_axis("training.loss=hinge,wasserstein")
    with pytest.raises(UserError, match="nothing is varied"):
        variants_of([])
    with pytest.raises(UserError, match=r"training\.loss: is varied twice"):
        variants_of([axis, axis])
    many = [axis_of(f"key{index}", list(range(40))) for index in range(2)]
    with pytest.raises(UserError, match="1,600 combinations are more than 1,000"):
        variants_of(many)


def test_two_values_of_one_name_are_refused():
    with pytest.raises(UserError, match=r"training\.loss: each value needs a name of its own. Received: 16, 16"):
        variants_of([axis_of("training.loss", ["16", 16])])
