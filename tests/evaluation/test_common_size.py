"""Images in another size than their own: what they look like, and that every part of an evaluation sees them so."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import Images, ImageSpec, resized_pixels
from dcgan_kit.evaluation.common_size import resized_reals
from dcgan_kit.evaluation.evaluator import Evaluator, split_reference
from dcgan_kit.evaluation.features import batches_of
from dcgan_kit.evaluation.request import size_of


def test_a_size_has_three_numbers():
    assert size_of("28x30x1") == ImageSpec(28, 30, 1)
    assert all(size_of(text) is None for text in ("28x28", "0x28x1", "28x28x5", "28x28x1x1", "a", "", "-1x2x3"))


def test_images_are_resized_by_an_antialiased_filter(images):
    pixels = images(3, shape=(16, 12, 3)).pixels
    small = resized_pixels(pixels, ImageSpec(8, 6, 3))
    assert small.shape == (3, 8, 6, 3)
    assert np.array_equal(small[1], Image.fromarray(pixels[1]).resize((6, 8), Image.Resampling.LANCZOS))
    board = np.indices((1, 16, 16, 1)).sum(axis=0).astype(np.uint8) % 2 * 255
    # Without a filter, every second pixel of a checkerboard would be left: all black or all white.
    assert np.abs(resized_pixels(board, ImageSpec(8, 8, 1))[:, 2:-2, 2:-2].astype(int) - 127).max() <= 1


def test_images_of_the_size_stay_as_they_are(images):
    pixels = images(3).pixels
    assert resized_pixels(pixels, ImageSpec(8, 8, 1)) is pixels


def test_grey_becomes_three_equal_channels_and_colour_its_luma(images):
    grey = images(2).pixels
    colour = resized_pixels(grey, ImageSpec(8, 8, 3))
    assert all(np.array_equal(colour[..., channel], grey[..., 0]) for channel in range(3))
    assert np.array_equal(resized_pixels(colour, ImageSpec(8, 8, 1)), grey)
    red = np.zeros((1, 4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert resized_pixels(red, ImageSpec(4, 4, 1))[0, 0, 0, 0] == round(0.299 * 255)


@pytest.mark.parametrize(("channels", "wanted"), [(2, 1), (4, 3), (3, 4)])
def test_transparency_is_refused(images, channels, wanted):
    reals = split_reference(images(8, shape=(8, 8, channels)), None)
    with pytest.raises(ValueError, match="only grey images and RGB images can be resized"):
        resized_reals(reals, ImageSpec(4, 4, wanted))


def test_an_evaluation_of_resized_images_is_one_of_images_that_were_small(images, scores, counting):
    spec = ImageSpec(8, 8, 1)
    training, fakes = images(40, shape=(16, 16, 3)), images(20, seed=1, shape=(16, 16, 3))
    small = replace(training, pixels=resized_pixels(training.pixels, spec))
    before = replace(split_reference(small, None), resized=True)
    small_fakes = Images(resized_pixels(fakes.pixels, spec))
    found = [
        Evaluator(reals, counting().chosen, scores("frechet", "spectrum"), 20).evaluate(batches_of(small_fakes))
        for reals in (resized_reals(split_reference(training, None), spec), before)
    ]
    assert found[0] == found[1]
    assert "8x8x1 resized" in found[0][0].name


def test_resized_images_are_an_array_of_images(images):
    spec = ImageSpec(8, 8, 1)
    original = images(10, shape=(16, 16, 3))
    part = resized_reals(split_reference(original, None), spec).training
    every = resized_pixels(original.pixels, spec)
    assert (part.pixels.shape, part.pixels.ndim, part.pixels.dtype) == ((10, 8, 8, 1), 4, np.uint8)
    assert np.array_equal(np.asarray(part.pixels), every)
    assert np.array_equal(part.batch(np.int64(3)), every[3])
    assert np.array_equal(part.batch(np.array([[1, 2], [3, 9]])), every[[[1, 2], [3, 9]]])


def test_image_files_and_samples_are_resized_alike(images):
    from dcgan_kit_plugins.data.image_decoding import Fitting, decode

    spec = ImageSpec(28, 28, 1)
    for side in (16, 64, 300):
        pixels = images(1, shape=(side, side, 3)).pixels
        file = io.BytesIO()
        Image.fromarray(pixels[0]).save(file, "PNG")
        file.seek(0)
        assert np.array_equal(decode(file, Fitting(spec, "crop", (0, 0, 0))), resized_pixels(pixels, spec)[0])
