"""What is counted in a data set, and what is said about it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import DataError, ImageSpec, StoredImage, StoredImages
from dcgan_kit.inspection.advice import advice
from dcgan_kit.inspection.inspection import inspect
from dcgan_kit.inspection.network_view import network_view
from dcgan_kit.inspection.size_ladder import fitting_side, median_side, shown_share
from dcgan_kit.inspection.tiles import tiles_png

NOISE = np.random.default_rng(0).integers(0, 256, (40, 20, 30, 3), np.uint8)


def source(contents, labels=None, names=(), resizes=True):
    """A source of arrays, streams, or lines about broken images."""

    def images():
        for index, content in enumerate(contents):
            if isinstance(content, str):
                yield content
            else:
                label = None if labels is None else labels[index]
                yield StoredImage(f"box/{index}", lambda content=content: content, label)

    def fitted(pixels, spec):
        return np.full(spec.shape, int(pixels.mean()), np.uint8)

    return StoredImages("box", len(contents), images, fitted, resizes, class_names=names)


def encoded(image, name, **options):
    stream = io.BytesIO()
    image.save(stream, name, **options)
    stream.seek(0)
    return stream


@pytest.mark.parametrize(
    ("given", "behind"),
    [({}, 255), ({"background": 0}, 0), ({"background": [0, 0, 90]}, 0), ({"background": "sky"}, 255)],
)
def test_an_image_is_what_is_seen_on_the_background(given, behind):
    drawing = np.zeros((8, 8, 4), np.uint8)
    drawing[2:4, :, 3] = 255  # A black line. The pixels around it are clear, and black too, or of a hidden colour.
    hidden = drawing.copy()
    hidden[5:, :, 0] = 77
    found = inspect(source([drawing, hidden]), "box", given)
    assert (found.grey, found.clear) == (2, 2)
    assert found.flat == (2 if given.get("background") == 0 else 0)
    np.testing.assert_allclose(found.levels.mean[0], 0.75 * behind)


def inspected(*arguments, **options):
    found = inspect(source(*arguments, **options), "box", {})
    return replace(found, advice=advice(found))


def test_sizes_kinds_and_levels_are_counted():
    black, white = np.zeros((8, 8, 1), np.uint8), np.full((16, 8, 1), 255, np.uint8)
    found = inspected([black, white, NOISE[0]])
    assert found.sizes == {(8, 8): 1, (16, 8): 1, (20, 30): 1}
    assert found.kinds == {"grey": 2, "colour": 1}
    assert found.formats == {"array": 3}
    assert (found.levels.darkest, found.levels.brightest) == (0, 255)
    # Each image counts the same: (0 + 255 + mean of the noise) / 3.
    np.testing.assert_allclose(found.levels.mean, (255 + NOISE[0].reshape(-1, 3).mean(0)) / 3)
    assert (found.grey, found.flat) == (2, 2)


def test_the_deviation_is_that_of_all_pixels():
    found = inspected(list(NOISE[:4]))
    np.testing.assert_allclose(found.levels.deviation, NOISE[:4].reshape(-1, 3).std(0))


def test_a_picture_without_colour_counts_as_grey_however_it_is_stored():
    grey = NOISE[0][..., :1].repeat(3, -1)
    found = inspected([grey, encoded(Image.fromarray(grey), "JPEG", quality=75)])
    assert found.grey == 2
    assert found.size.channels == 1


def test_equal_pixels_are_found_in_other_files():
    picture = Image.fromarray(NOISE[0])
    found = inspected([encoded(picture, "PNG"), NOISE[1], encoded(picture, "BMP"), encoded(picture, "TIFF")])
    assert found.equal.count == 2
    assert found.equal.examples == (("0", "2", "3"),)
    assert "50 % of the images (2) repeat others" in found.advice[0]


def test_another_size_or_compression_of_a_picture_is_like_it():
    rows, columns = np.indices((64, 64))
    wave = (127 + 80 * np.sin(rows / 7) * np.cos(columns / 11) + columns / 2).astype(np.uint8)
    picture = Image.fromarray(wave)
    found = inspected([encoded(picture, "PNG"), encoded(picture, "JPEG"), NOISE[0]])
    assert found.equal.count == 0
    assert found.close.count == 1
    assert found.close.examples == (("0", "1"),)


def test_flat_pictures_are_not_alike():
    assert inspected([np.full((9, 9, 1), level, np.uint8) for level in range(20)]).close.count == 0


def test_different_pictures_are_not_alike():
    assert inspected(list(NOISE)).close.count == 0


def test_what_files_hold_beside_the_pixels_is_counted():
    still = Image.fromarray(NOISE[0])
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = Image.fromarray(np.dstack([NOISE[0], np.full((20, 30), 9, np.uint8)]))
    found = inspected([
        encoded(still, "GIF", save_all=True, append_images=[Image.fromarray(NOISE[1])]),
        encoded(still, "TIFF", save_all=True, append_images=[still]),
        encoded(still, "JPEG", exif=turned),
        encoded(clear, "PNG"),
        encoded(Image.fromarray(np.full((4, 4), 4095, np.uint16)), "PNG"),
    ])  # fmt: skip
    assert (found.several, found.turned, found.clear, found.deep) == (2, 1, 1, 1)
    assert found.deep_brightest == 15
    assert found.sizes[30, 20] == 1
    assert found.kinds["grey, 16 bits"] == found.kinds["colour and transparency"] == 1
    said = "\n".join(found.advice)
    for part in ("reach level 15 of 255", "have more frames", "transparent pixels", "of one colour only"):
        assert part in said


def test_an_opaque_channel_of_transparency_is_no_transparency():
    opaque = np.dstack([NOISE[0], np.full((20, 30), 255, np.uint8)])
    assert inspected([opaque]).clear == 0


def test_broken_images_are_counted_and_some_are_named():
    def fails():
        raise OSError(5, "Input/output error")

    broken = [io.BytesIO(b"\x89PNG\r\n\x1a\n"), "box/9: lost"]
    stored = source([NOISE[0], *broken])
    both = replace(stored, images=lambda: [*stored.images(), StoredImage("box/io", fails)], count=4)
    found = inspect(both, "box", {})
    assert (found.count, found.broken) == (1, 3)
    assert [line.partition(": ")[0] for line in found.broken_examples] == ["box/1", "box/9", "box/io"]
    assert "75 % of the images cannot be read" in advice(found)[0]


def test_a_source_without_any_image_that_can_be_read_is_refused():
    with pytest.raises(DataError, match="no image in box can be read") as caught:
        inspected([io.BytesIO(b"text"), io.BytesIO(b"")])
    assert "box/1: it is empty" in str(caught.value)


def test_classes_have_their_names_also_those_without_an_image():
    found = inspected([NOISE[0], NOISE[1], NOISE[2]], [2, 0, 2], ("cat", "dog", "owl"))
    assert found.classes == {"cat": 1, "dog": 0, "owl": 2}
    assert inspected([NOISE[0], NOISE[1]], [3, 3]).classes == {"0": 0, "1": 0, "2": 0, "3": 2}
    assert inspected([NOISE[0], NOISE[1]], [7, 90_000]).classes == {"7": 1, "90000": 1}
    assert inspected([NOISE[0]]).classes is None


def test_uneven_classes_are_told():
    said = inspected(list(NOISE[:23]), [0] * 21 + [1] * 2, ("many", "rare")).advice
    assert any("rare has 2 images, the largest has 21" in sentence for sentence in said)


@pytest.mark.parametrize(("side", "expected"), [(9, 28), (28, 28), (31, 28), (63, 32), (64, 64), (500, 128)])
def test_the_side_is_the_largest_of_the_ladder_that_half_of_the_images_reach(side, expected):
    assert fitting_side({(side, 2 * side): 3}) == expected


def test_the_median_counts_images_and_not_sizes():
    assert median_side({(100, 100): 9, (10, 30): 10}) == 10
    assert median_side({(100, 200): 10, (10, 10): 10}) == 100


def test_the_share_that_is_left_when_images_are_cut():
    assert shown_share({(50, 100): 1}, 64, 64) == 0.5
    assert shown_share({(50, 100): 1, (64, 64): 1}, 64, 64) == 0.75
    assert shown_share({(50, 100): 2}, 32, 64) == 1.0


def test_a_source_that_does_not_resize_keeps_its_size():
    found = inspected(list(NOISE[:3]), resizes=False)
    assert found.size == ImageSpec(20, 30, 3)


def test_the_view_is_of_images_from_all_over_the_source():
    contents = [np.full((4, 4, 1), level, np.uint8) for level in range(200)]
    view = network_view(source(contents), ImageSpec(2, 3, 1))
    assert view.shape == (64, 2, 3, 1)
    assert (view[0, 0, 0, 0], view[-1, 0, 0, 0]) == (0, 199)
    assert (np.diff(view[:, 0, 0, 0].astype(int)) > 0).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiles_are_a_png_of_every_number_of_channels(channels):
    images = np.full((3, 5, 4, channels), 7, np.uint8)
    picture = Image.open(io.BytesIO(tiles_png(images, 2)))
    factor = 640 // 8
    assert picture.size == (2 * (4 * factor + 2) - 2, 2 * (5 * factor + 2) - 2)
    assert np.asarray(picture).reshape(picture.height, picture.width, channels)[0, 0].tolist() == [7] * channels
