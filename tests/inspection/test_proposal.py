"""The choices of a recipe follow from what is in the data set and from the machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dcgan_kit import ImageSpec, StoredImage, StoredImages, UserError
from dcgan_kit.inspection.inspection import inspect
from dcgan_kit.inspection.network_shape import network_shape
from dcgan_kit.inspection.proposal import Cost, batch_for, first_proposal, steps_for
from dcgan_kit.inspection.recipe_text import recipe_text
from dcgan_kit.recipes.yaml_writer import as_data


@pytest.fixture(scope="module")
def found():
    """What is in two grey images of 28x28."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), np.uint8)
    images = [StoredImage(str(index), lambda image=image: image) for index, image in enumerate(pixels)]
    return inspect(StoredImages("two", 2, lambda: images, lambda image, spec: image), "images", {})


def cost(free=2**34, gpu=False, macs=5_000_000, cores=2):
    sizes = (64, 32, 16, 8, 4, 2, 1)
    return Cost(macs, macs, {size: size * 2**20 for size in sizes}, free, cores, gpu)


@pytest.mark.parametrize(
    ("size", "first", "generator", "discriminator"),
    [
        ((28, 28), (7, 7), (128, 64), (32, 64, 128)),
        ((32, 32), (4, 4), (256, 128, 64), (64, 128, 256)),
        ((64, 64), (4, 4), (256, 128, 64, 32), (32, 64, 128, 256)),
        ((128, 128), (4, 4), (512, 256, 128, 64, 32), (32, 64, 128, 256, 512)),
        ((48, 96), (6, 12), (256, 128, 64), (64, 128, 256, 512)),
        ((30, 30), (15, 15), (64,), (32, 64, 128)),
    ],
)
def test_shapes_of_networks(size, first, generator, discriminator):
    shape = network_shape(ImageSpec(*size, 3))
    assert (shape.first_map, shape.generator, shape.discriminator) == (first, generator, discriminator)


@pytest.mark.parametrize("size", [(45, 45), (7, 7), (100, 100), (2000, 6)])
def test_a_size_that_cannot_be_doubled_to_is_refused_with_a_neighbour_that_can(size):
    with pytest.raises(UserError, match=r"such as \d+x\d+") as caught:
        network_shape(ImageSpec(*size, 3))
    near = str(caught.value).partition("such as ")[2].partition(".")[0]
    assert network_shape(ImageSpec(*map(int, near.split("x")), 3))


@pytest.mark.parametrize(("count", "held"), [(5, 0), (499, 0), (500, 0.1), (20_000, 0.1), (100_000, 0.02)])
def test_a_tenth_is_held_out_up_to_2000_images_and_none_of_a_few(found, count, held):
    assert first_proposal(replace(found, count=count), None).held_out == held


@pytest.mark.parametrize(("count", "batch"), [(5, 16), (20, 16), (4000, 32)])
def test_a_batch_of_few_images_is_small(found, count, batch):
    assert first_proposal(replace(found, count=count), None).batch == batch


def test_the_batch_shrinks_to_half_of_the_free_memory(found):
    first = first_proposal(replace(found, count=4000), None)
    assert batch_for(first, cost())[0] == 32
    batch, why = batch_for(first, cost(free=2 * (550 * 10**6 + 9 * 2**20)))
    assert batch == 8
    assert "more than half of the free memory" in why


def test_steps_take_an_hour_at_most_but_a_thousand_are_made(found):
    assert steps_for(32, cost())[0] == 10_000
    slow, why = steps_for(64, cost(macs=100_000_000))
    assert 1000 < slow < 10_000
    assert "as many as fit into an hour" in why
    assert 2600 < slow * cost(macs=100_000_000).step_seconds(64) <= 3600
    assert steps_for(64, cost(macs=3_000_000_000))[0] == 1000
    assert steps_for(64, cost(macs=3_000_000_000, gpu=True))[0] == 20_000


@pytest.mark.parametrize(
    ("counts", "asked", "classes"),
    [
        ([60, 50], None, 2), ([60, 49], None, 0), ([60, 49], True, 2), ([60, 50], False, 0), ([900], None, 0),
        ([50] * 1001, None, 0), ([50] * 1000, None, 1000),
    ],
)  # fmt: skip
def test_classes_are_learned_if_there_are_enough_images_of_each(found, counts, asked, classes):
    labelled = replace(found, classes={str(index): count for index, count in enumerate(counts)})
    assert first_proposal(labelled, asked).classes == classes


@pytest.mark.parametrize("classes", [None, {"one": 9}, {"one": 9, "none": 0}])
def test_classes_that_are_not_there_cannot_be_asked_for(found, classes):
    with pytest.raises(UserError, match=r"^conditional: "):
        first_proposal(replace(found, classes=classes), True)


def test_small_images_get_what_the_default_recipe_has(found, resolve, tmp_path):
    file = tmp_path / "new.yaml"
    file.write_text(recipe_text(first_proposal(replace(found, count=4000), None), {"use": "fashion_mnist_4k"}, False))
    new, default = as_data(resolve(file)), as_data(resolve("lecture-fashion28"))
    assert {key: new[key] for key in ("latent", "generator", "discriminator")} == {
        key: default[key] for key in ("latent", "generator", "discriminator")
    }
    for key in ("generator", "discriminator", "penalty", "ema", "batch_size", "loss"):
        assert new["training"][key] == default["training"][key], key


def test_no_name_ends_a_comment(found):
    evil = replace(found, source="a\nimage: 7\u2028b\x85c", advice=("x\n data: y",), classes={"k\nq": 60, "z": 70})
    text = recipe_text(first_proposal(evil, None), {"use": "images", "path": "a\nb: c"}, False)
    lines = text.splitlines()
    assert all(not line or line.startswith("#") for line in lines[: lines.index("version: 1")])
    assert '  path: "a\\nb: c"' in lines
