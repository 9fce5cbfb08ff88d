"""The search for the latent vector of a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import dcgan_kit
from dcgan_kit.errors import DataError, UserError
from dcgan_kit.explorer.target import target_of_bytes, target_pixels


def error(one, other):
    return np.sqrt(((one.astype(float) - other.astype(float)) ** 2).mean())


def test_a_picture_of_the_generator_is_found_nearer_than_by_chance(shipped):
    target = shipped.sample(1, seed=77)[0]
    found = shipped.invert(target, steps=150, watcher=dcgan_kit.Quiet())
    chance = [error(image, target) for image in shipped.sample(1000, seed=0)]
    assert found.nearest == pytest.approx(min(chance))
    assert found.usual == pytest.approx(np.median(chance))
    assert found.error < found.nearest / 3
    np.testing.assert_array_equal(shipped.images(found.latent[None])[0], found.image)
    assert found.error == pytest.approx(error(found.image, target))
    # As long as vectors that training draws, and no further away than they get.
    lengths = np.linalg.norm(shipped.latent_vectors(1000), axis=1)
    assert lengths.min() < np.linalg.norm(found.latent) < lengths.max()


def test_the_same_seed_finds_the_same(shipped):
    target = shipped.sample(1, seed=78)[0]
    first, second = (shipped.invert(target, steps=30, seed=5, watcher=dcgan_kit.Quiet()) for _ in range(2))
    np.testing.assert_array_equal(first.latent, second.latent)
    assert not np.array_equal(first.latent, shipped.invert(target, steps=30, seed=6, watcher=dcgan_kit.Quiet()).latent)


def test_classes(classed_run):
    target = classed_run.sample(1, seed=4, label=2)[0]
    kept = classed_run.invert(target, steps=20, label=1, watcher=dcgan_kit.Quiet())
    assert kept.label == 1
    np.testing.assert_array_equal(classed_run.images(kept.latent[None], label=1)[0], kept.image)
    free = classed_run.invert(target, steps=20, watcher=dcgan_kit.Quiet())
    np.testing.assert_array_equal(classed_run.images(free.latent[None], label=free.label)[0], free.image)


@pytest.mark.parametrize(
    ("picture", "more", "problem"),
    [
        (np.zeros((8, 8, 1)), {}, r"uint8 numbers of the shape \(8, 8, 1\). Received: float64"),
        (np.zeros((8, 9, 1), np.uint8), {}, "Received: uint8 of the shape"),
        ("nothing.png", {}, "nothing.png: there is no such file"),
        (".", {}, "is a folder; give the file of one picture"),
        (np.zeros((8, 8, 1), np.uint8), {"label": 3}, "classes 0 to 2"),
        (np.zeros((8, 8, 1), np.uint8), {"steps": 0}, "steps"),
    ],
)
def test_wrong_arguments(picture, more, problem, classed_run):
    with pytest.raises(UserError, match=problem):
        classed_run.invert(picture, **more)


@pytest.fixture
def seen(resolve, tmp_path):
    """Return a function (pixels, *overrides) → what both training and the search see of a picture, uint8 (H, W, C)."""

    def seen(pixels, *overrides):
        file = tmp_path / "pictures" / "wide.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file)
        size = ("image.size=4", "image.channels=1")
        recipe = resolve("lecture-fashion28", *size, "data.use=images", f"data.path={file.parent}", *overrides)
        with file.open("rb") as stream:
            found = target_pixels(stream, recipe, "wide.png")
        np.testing.assert_array_equal(found, recipe.data.build(recipe.image.spec).pixels[0])
        return found

    return seen


def test_pictures_are_cropped_in_the_middle(seen):
    pixels = np.zeros((20, 40, 4), np.uint8)
    pixels[:, 10:30] = (200, 200, 200, 255)
    pixels[:, 20:30, 3] = 0
    found = seen(pixels)
    assert found.shape == (4, 4, 1)
    # The sides are cut off; what is transparent is white.
    assert (np.abs(found[:, 0].astype(int) - 200) < 10).all()
    assert (found[:, 3] > 245).all()
    assert (seen(pixels, "data.background=0")[:, 3] < 10).all()
    assert (seen(pixels, "data.background=[90, 90, 90]", "data.fit=pad")[[0, 3]] == 90).all()


def test_data_without_a_background_have_white_behind_pictures(shipped):
    pixels = np.zeros((28, 28, 2), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    assert "background" not in shipped.resolved.data.options
    assert (target_of_bytes(stream.getvalue(), shipped.resolved, "clear.png") == 255).all()


def test_a_file_that_is_no_picture(tmp_path, shipped):
    (tmp_path / "a.png").write_text("no picture")
    with (tmp_path / "a.png").open("rb") as stream, pytest.raises(DataError, match=r"a\.png: not an image"):
        target_pixels(stream, shipped.resolved, "a.png")
