from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
from dcgan_kit_plugins import data
from PIL import Image

from dcgan_kit import DataError, ImageSpec

GREY8 = ImageSpec(8, 8, 1)


def test_images_are_read_in_sorted_order_in_every_format(tmp_path, read, picture):
    for number, suffix in enumerate(["png", "jpg", "JPEG", "webp", "bmp", "gif"]):
        picture(tmp_path / f"{number}.{suffix}", (40 * number,) * 3)
    (tmp_path / "notes.txt").write_text("no image")
    picture(tmp_path / ".hidden.png", 255, mode="L")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_allclose(images.pixels[:, 4, 4, 0], [0, 40, 80, 120, 160, 200], atol=2)
    assert images.labels is None
    assert images.skipped == ()


def test_images_in_class_folders_are_labelled(tmp_path, read, picture):
    for name, grey in {"b/1.png": 200, "a/2.png": 0, "a/deep/3.png": 100}.items():
        picture(tmp_path / name, grey, mode="L")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[:, 0, 0, 0], [0, 100, 200])
    np.testing.assert_array_equal(images.labels, [0, 0, 1])
    assert len(images.class_names) == 2


@pytest.mark.parametrize("names", [("a/1.png", "2.png"), ("a/1.png", "a/2.png")])
def test_images_without_two_class_folders_are_not_labelled(names, tmp_path, read, picture):
    for name in names:
        picture(tmp_path / name, 0, mode="L")
    assert read(data.images, GREY8, path=str(tmp_path)).labels is None


@pytest.mark.parametrize(("channels", "expected"), [(1, [76]), (2, [76, 255]), (3, [255, 0, 0]), (4, [255, 0, 0, 255])])
def test_images_have_the_channels_asked_for(channels, expected, tmp_path, read, picture):
    picture(tmp_path / "red.png", (255, 0, 0))
    images = read(data.images, ImageSpec(8, 8, channels), path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[0, 4, 4], expected)


@pytest.mark.parametrize(("channels", "expected"), [(1, [255]), (3, [255, 255, 255]), (4, [9, 9, 9, 0])])
def test_transparent_pixels_show_the_background_or_stay_transparent(channels, expected, tmp_path, read, picture):
    picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA", size=(8, 8))
    images = read(data.images, ImageSpec(8, 8, channels), path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[0, 4, 4], expected)


def test_background_is_an_option(tmp_path, read, picture):
    picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA")
    assert (read(data.images, GREY8, path=str(tmp_path), background=17).pixels == 17).all()


def test_palette_transparency_and_16_bits(tmp_path, read):
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([200, 0, 0] + [0] * 765)
    palette.save(tmp_path / "a.png", transparency=0)
    Image.fromarray(np.full((8, 8), 0x8012, np.uint16)).save(tmp_path / "b.png")
    images = read(data.images, GREY8, path=str(tmp_path))
    assert (images.pixels[0] == 255).all()
    assert (images.pixels[1] == 0x80).all()


def stripes(width, height):
    """Left third black, middle third grey, right third white."""
    row = np.repeat(np.array([0, 128, 255], np.uint8), width // 3)
    return Image.fromarray(np.tile(row, (height, 1)))


def test_crop_cuts_the_longer_side_and_keeps_the_middle(tmp_path, read):
    stripes(96, 24).save(tmp_path / "wide.png")
    stripes(96, 24).rotate(90, expand=True).save(tmp_path / "tall.png")
    images = read(data.images, GREY8, path=str(tmp_path))
    # Lanczos looks a little beyond the part that is kept.
    np.testing.assert_allclose(images.pixels, 128, atol=3)


def test_pad_keeps_everything_and_adds_margins(tmp_path, read):
    stripes(96, 32).save(tmp_path / "wide.png")
    (image,) = read(data.images, ImageSpec(12, 12, 1), path=str(tmp_path), fit="pad").pixels[..., 0]
    assert (image[:4] == 255).all()
    assert (image[8:] == 255).all()
    np.testing.assert_allclose(image[6], np.repeat([0, 128, 255], 4), atol=25)


def test_pad_of_an_image_with_alpha_is_transparent(tmp_path, read, picture):
    picture(tmp_path / "wide.png", (10, 20, 30), size=(32, 8))
    (image,) = read(data.images, ImageSpec(8, 8, 4), path=str(tmp_path), fit="pad").pixels
    np.testing.assert_array_equal(image[0, 0], [255, 255, 255, 0])
    np.testing.assert_array_equal(image[4, 4], [10, 20, 30, 255])


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 48), (8, 8), (1000, 999)])
@pytest.mark.parametrize("spec", [ImageSpec(8, 8, 3), ImageSpec(9, 31, 1)], ids=["square", "wide"])
def test_any_size_fits(size, fit, spec, tmp_path, read, picture):
    picture(tmp_path / "a.png", 77, size=size, mode="L")
    (image,) = read(data.images, spec, path=str(tmp_path), fit=fit).pixels
    assert set(np.unique(image)) <= {77, 255}
    assert 77 in image


def test_resizing_is_antialiased(tmp_path, read):
    checkerboard = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkerboard).save(tmp_path / "a.png")
    np.testing.assert_allclose(read(data.images, GREY8, path=str(tmp_path)).pixels, 127.5, atol=4)


def test_exif_orientation_is_followed(tmp_path, read):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90° clockwise to see it upright.
    stripes(96, 96).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    (image,) = read(data.images, ImageSpec(12, 12, 1), path=str(tmp_path)).pixels[..., 0]
    assert (image[:3] < 40).all()
    assert (image[-3:] > 215).all()


def test_broken_files_are_skipped_and_listed(tmp_path, read, picture):
    for number in range(19):
        picture(tmp_path / f"{number:02}.png", number, mode="L")
    whole = (tmp_path / "00.png").read_bytes()
    (tmp_path / "zz.png").write_bytes(whole[: len(whole) // 2])
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[:, 0, 0, 0], range(19))
    (reason,) = images.skipped
    assert reason.startswith(f"{tmp_path / 'zz.png'}: ")


def test_too_many_broken_files_are_an_error(tmp_path, read, picture):
    picture(tmp_path / "a.png", 0, mode="L")
    (tmp_path / "b.jpg").write_bytes(b"no image at all")
    with pytest.raises(
        DataError,
        match=r"(?s)1 of 2 images in .* \(data.max_broken_share, now 0.1\); the first:.*b.jpg: not an image of a format that is ",
    ):
        read(data.images, GREY8, path=str(tmp_path))
    assert len(read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5).pixels) == 1


def test_reading_stops_as_soon_as_too_many_are_broken(tmp_path, read):
    for number in range(40):
        (tmp_path / f"{number:02}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"5 of 5 images .*; there are 40, and reading stopped here: repair or remove"):
        read(data.images, GREY8, path=str(tmp_path))


def test_a_few_bytes_that_claim_a_huge_image_are_a_broken_file(tmp_path, read, picture):
    picture(tmp_path / "a.png", 0, mode="L")
    picture(tmp_path / "b.png", 0, mode="1", size=(8193, 8192))
    bomb = bytearray((tmp_path / "a.png").read_bytes())
    bomb[16:24] = (60000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    (tmp_path / "c.png").write_bytes(bomb)
    images = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.7)
    assert len(images) == 1
    assert images.skipped[0].endswith("b.png: 8193x8192 pixels are more than 67,108,864")
    assert images.skipped[1].endswith("c.png: it claims more than 67,108,864 pixels")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif"])
def test_every_format_may_be_truncated_empty_or_overwritten(suffix, tmp_path, read):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
    whole = (tmp_path / f"a.{suffix}").read_bytes()
    for name, content in {"b": whole[: len(whole) // 2], "c": b"", "d": whole[:20] + bytes(len(whole) - 20)}.items():
        (tmp_path / f"{name}.{suffix}").write_bytes(content)
    images = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.75)
    assert [line.partition(f".{suffix}: ")[0][-1] for line in images.skipped] == ["b", "c", "d"]
    assert not any("object at 0x" in line for line in images.skipped)


def test_a_wrong_suffix_does_not_matter(tmp_path, read, picture):
    picture(tmp_path / "a.jpg", 10, mode="L", format="PNG")
    picture(tmp_path / "b.png", 20, mode="L", format="JPEG")
    picture(tmp_path / "c.gif", 30, mode="L", format="WEBP")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_allclose(images.pixels[:, 4, 4, 0], [10, 20, 30], atol=2)


def test_the_first_frame_of_an_animation_is_read(tmp_path, read):
    frames = [Image.new("L", (8, 8), grey) for grey in (40, 80, 120)]
    for suffix in ("gif", "webp", "png"):
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read(data.images, GREY8, path=str(tmp_path)).pixels, 40, atol=1)


def test_the_number_of_a_class_does_not_depend_on_broken_files(tmp_path, read, picture):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.png").touch()
    for name in ("b/1.png", "b/2.png", "c/3.png", "c/4.png"):
        picture(tmp_path / name, 0, mode="L")
    images = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5)
    np.testing.assert_array_equal(images.labels, [1, 1, 2, 2])


def test_background_may_be_a_colour(tmp_path, read, picture):
    picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA")
    colour = (250, 20, 30)
    images = read(data.images, ImageSpec(8, 8, 3), path=str(tmp_path), background=colour)
    np.testing.assert_array_equal(images.pixels[0, 4, 4], colour)
    picture(tmp_path / "clear.png", (0, 0, 0), size=(32, 8))
    images = read(data.images, ImageSpec(8, 8, 3), path=str(tmp_path), background=colour, fit="pad")
    np.testing.assert_array_equal(images.pixels[0, 0, 0], colour)
    np.testing.assert_array_equal(images.pixels[0, 4, 4], (0, 0, 0))
    grey = read(data.images, GREY8, path=str(tmp_path), background=colour, fit="pad")
    np.testing.assert_array_equal(grey.pixels[0, 0, 0], [90])


@pytest.mark.parametrize("other", ["EPS", "PDF", "TGA", "XBM"])
def test_other_formats_behind_an_image_suffix_are_not_decoded(other, tmp_path, read, picture):
    picture(tmp_path / "a.png", 0, mode="L")
    Image.new("1" if other == "XBM" else "L", (8, 8)).save(tmp_path / "b.png", format=other)
    (reason,) = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5).skipped
    assert reason.endswith("b.png: not an image of a format that is read")


def test_links_are_followed_once_and_pipes_are_not_opened(tmp_path, read, picture):
    picture(tmp_path / "real" / "a.png", 1, mode="L")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "dangling.png").symlink_to(tmp_path / "nowhere")
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    picture(outside / "b.png", 2, mode="L")
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    os.mkfifo(tmp_path / "pipe.png")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(sorted(images.pixels[:, 0, 0, 0]), [1, 2])


def test_images_path_that_does_not_serve(tmp_path, read):
    with pytest.raises(DataError, match=r"nowhere does not exist: give a folder of images \(PNG, "):
        read(data.images, GREY8, path=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no image in .*: put files of images \(PNG"):
        read(data.images, GREY8, path=str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file is not a folder: give a folder of images"):
        read(data.images, GREY8, path=str(tmp_path / "file"))


def test_names_of_skipped_files_hold_nothing_that_a_terminal_obeys(tmp_path, read, picture):
    for name in (b"a.png", b"b\n\x1b[31m.png", b"c\xff.png"):
        (tmp_path / os.fsdecode(name)).touch()
    picture(tmp_path / "d.png", 0, mode="L")
    for memory_mib in (1024, 0, 0):
        images = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.8, memory_mib=memory_mib)
        names = [line.rpartition("/")[2].partition(":")[0] for line in images.skipped]
        assert names == ["a.png", r"b\n\x1b[31m.png", r"c\udcff.png"]
