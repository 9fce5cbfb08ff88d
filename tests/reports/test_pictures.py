"""Sample grids become small pictures of whole samples; nothing of a file but its pixels comes onto the page."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from dcgan_kit.reports import pictures
from dcgan_kit.reports.pictures import array_picture, evenly, grid_picture
from dcgan_kit.reports.run_files import Unusable


def decoded(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.removeprefix("data:image/png;base64,"))))


def test_an_enlarged_grid_is_made_small_again(tmp_path, grid):
    grid(tmp_path / "g.png", 100, enlarged=4)
    picture = grid_picture(tmp_path / "g.png", 2, 2, "samples", "step 3")
    assert (picture.width, picture.height, picture.alt, picture.caption) == (56, 56, "samples", "step 3")
    pixels = np.asarray(decoded(picture))
    assert pixels.shape == (56, 56)
    assert pixels[0, 0] == 255
    assert pixels[1, 0] == 100


def test_where_all_would_be_too_many_bytes_the_first_samples_are_shown(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8 * 64, 8 * 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "g.png")
    picture = grid_picture(tmp_path / "g.png", 8, 8, "samples", "")
    assert len(picture.uri) < pictures.MOST_OF_A_PICTURE * 1.4
    assert picture.alt == "samples; the first 2 by 2 of 8 by 8"
    assert np.array_equal(np.asarray(decoded(picture)), noise[: 2 * 64, : 2 * 64])


def test_one_sample_that_is_too_large_loses_pixels():
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    picture = array_picture(noise, "sample", "")
    assert len(picture.uri) < pictures.MOST_OF_A_PICTURE * 1.4
    assert picture.width == picture.height == 128


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_one_to_four_channels(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    assert np.array_equal(np.asarray(decoded(array_picture(pixels, "", ""))).reshape(pixels.shape), pixels)


def test_texts_in_a_file_stay_behind(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>secret</script>")
    Image.new("P", (8, 8)).save(tmp_path / "g.png", pnginfo=info)
    assert b"secret" not in base64.b64decode(grid_picture(tmp_path / "g.png", 1, 1, "", "").uri.partition(",")[2])


def test_what_is_no_png_is_told(tmp_path):
    (tmp_path / "text.png").write_text("<svg onload='alert(1)'>")
    Image.new("L", (8, 8)).save(tmp_path / "jpeg.png", "JPEG")
    Image.new("L", (64, 64), 7).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    for name in ("text.png", "jpeg.png", "cut.png", "none.png"):
        with pytest.raises(Unusable, match=name):
            grid_picture(tmp_path / name, 1, 1, "", "")


def test_a_picture_of_too_many_pixels_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    Image.new("L", (11, 10)).save(tmp_path / "large.png")
    with pytest.raises(Unusable, match="11 x 10 pixels"):
        grid_picture(tmp_path / "large.png", 1, 1, "", "")


def test_a_grid_that_the_recipe_does_not_describe_is_shown_whole(tmp_path, grid):
    grid(tmp_path / "g.png", 9, enlarged=1)
    assert grid_picture(tmp_path / "g.png", 3, 5, "", "").width == 56


def test_evenly_keeps_both_ends():
    assert evenly(range(5), 12) == (0, 1, 2, 3, 4)
    chosen = evenly(range(100), 12)
    assert (len(chosen), chosen[0], chosen[-1]) == (12, 0, 99)
