from __future__ import annotations

import os
import pickle
import zipfile

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import data
from PIL import Image
from pydantic import ValidationError

from dcgan_kit import DataError, Images, ImageSpec

GREY8 = ImageSpec(8, 8, 1)


def read(component, spec, **options):
    images = component.build(spec, dict(component.options(**options)))
    assert isinstance(images, Images)
    assert images.pixels.dtype == np.uint8
    assert images.pixels.shape[1:] == spec.shape
    assert images.labels is None or images.labels.shape == (len(images.pixels),)
    return images


def picture(path, colour, size=(16, 16), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


# The embedded images


def test_embedded_images_are_4000_in_ten_classes():
    images = read(data.fashion_mnist_4k, ImageSpec(28, 28, 1))
    assert len(images.pixels) == 4000
    assert set(images.labels) == set(range(10))
    assert images.pixels.max() == 255


def test_another_size_names_both_sizes():
    with pytest.raises(DataError, match=r"images are 28x28x1, and the recipe's 'image' asks for 32x32x3"):
        read(data.fashion_mnist_4k, ImageSpec(32, 32, 3))


# Keras' data sets


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "mnist.npz"),
        ("fashion_mnist", "fashion-mnist/train-images-idx3-ubyte.gz"),
        ("cifar10", "cifar-10-batches-py-target_archive"),
        ("cifar100", "cifar-100-python-target_archive"),
    ],
)
def test_a_missing_data_set_says_what_to_put_where_and_touches_no_network(name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlretrieve", lambda *_: pytest.fail("it must not download"))
    with pytest.raises(DataError, match=rf"{tmp_path}/datasets/{file}.* or set 'download: true'"):
        read(data.keras_dataset, ImageSpec(28, 28, 1), name=name)


def test_a_failed_download_is_a_data_error(tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure on https://… : None -- timed out")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(DataError, match=r"mnist could not be read .* URL fetch failure"):
        read(data.keras_dataset, ImageSpec(28, 28, 1), name="mnist", download=True)


def test_a_data_set_that_is_there_is_read(tmp_path, monkeypatch):
    pixels = np.arange(5 * 32 * 32 * 3, dtype=np.uint8).reshape(5, 32, 32, 3)
    labels = np.arange(5, dtype=np.uint8)[:, None]
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cifar-10-batches-py-target_archive").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((pixels, labels), (pixels, labels)))
    images = read(data.keras_dataset, ImageSpec(32, 32, 3), name="cifar10")
    np.testing.assert_array_equal(images.pixels, pixels)
    np.testing.assert_array_equal(images.labels, range(5))


# NumPy archives


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)


def test_npz_reads_images_and_labels(tmp_path, pixels):
    np.savez_compressed(tmp_path / "a.npz", x=pixels, y=np.arange(6, dtype=np.int16))
    images = read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(images.pixels, pixels)
    np.testing.assert_array_equal(images.labels, range(6))


def test_npz_may_lack_the_channel_axis_and_labels(tmp_path, pixels):
    np.savez(tmp_path / "a.npz", pictures=pixels[..., 0])
    images = read(data.npz, GREY8, path=str(tmp_path / "a.npz"), images="pictures")
    np.testing.assert_array_equal(images.pixels, pixels)
    assert images.labels is None


def test_npz_path_may_be_relative_or_start_at_home(tmp_path, pixels, monkeypatch):
    np.savez(tmp_path / "a.npz", x=pixels)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert len(read(data.npz, GREY8, path="~/a.npz").pixels) == len(read(data.npz, GREY8, path="a.npz").pixels) == 6


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"z": "uint8"}, {}, r"no array 'x' in the archive. It has z"),
        ({"x": "uint8"}, {"labels": "classes"}, r"no array 'classes' in the archive. It has x"),
        ({"x": "float32"}, {}, r"images must be uint8.*Received: float32, \(6, 8, 8, 1\)"),
        ({"x": "object"}, {}, r"not a readable .npz archive: Object arrays cannot be loaded"),
        ({"x": "uint8", "y": "float32"}, {}, r"labels must be one integer for each of the 6 images. Received: float32"),
    ],
)
def test_npz_with_other_arrays(arrays, options, message, tmp_path, pixels):
    np.savez(tmp_path / "a.npz", **{name: pixels.astype(dtype) for name, dtype in arrays.items()})
    with pytest.raises(DataError, match=message):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"), **options)


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (6, 8), (6, 8, 9, 1), (6, 1, 8, 8, 1)])
def test_npz_of_another_shape(shape, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=r"a.npz"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_that_is_damaged(tmp_path, pixels):
    np.savez_compressed(tmp_path / "whole.npz", x=pixels)
    whole = (tmp_path / "whole.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[120:160] = bytes(40)
    for name, content in {"short": whole[:200], "empty": b"", "flipped": flipped, "text": b"hello"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: not a readable .npz archive"):
            read(data.npz, GREY8, path=str(tmp_path / name))


def test_npz_never_unpickles(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    (tmp_path / "a.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Bomb()))
    with pytest.raises(DataError, match=r"'x' is no NumPy array"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    assert not (tmp_path / "exploded").exists()


def test_npz_that_claims_more_than_it_holds(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000, 8, 8, 1), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_of_a_size_that_no_machine_holds(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr("dcgan_kit_plugins._arrays.LARGEST_ARRAY", 100)
    np.savez_compressed(tmp_path / "a.npz", x=pixels)
    with pytest.raises(DataError, match=r"array 'x' would take"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_that_is_missing_or_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"no file .*a.npz: put it there: an archive with an array 'x'"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match=r"Is a directory"):
        read(data.npz, GREY8, path=str(tmp_path))


# Folders of images


def test_images_are_read_in_sorted_order_in_every_format(tmp_path):
    for number, suffix in enumerate(["png", "jpg", "JPEG", "webp", "bmp", "gif"]):
        picture(tmp_path / f"{number}.{suffix}", (40 * number,) * 3)
    (tmp_path / "notes.txt").write_text("no image")
    picture(tmp_path / ".hidden.png", 255, mode="L")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_allclose(images.pixels[:, 4, 4, 0], [0, 40, 80, 120, 160, 200], atol=2)
    assert images.labels is None
    assert images.skipped == ()


def test_images_in_class_folders_are_labelled(tmp_path):
    for name, grey in {"b/1.png": 200, "a/2.png": 0, "a/deep/3.png": 100}.items():
        picture(tmp_path / name, grey, mode="L")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[:, 0, 0, 0], [0, 100, 200])
    np.testing.assert_array_equal(images.labels, [0, 0, 1])


@pytest.mark.parametrize("names", [("a/1.png", "2.png"), ("a/1.png", "a/2.png")])
def test_images_without_two_class_folders_are_not_labelled(names, tmp_path):
    for name in names:
        picture(tmp_path / name, 0, mode="L")
    assert read(data.images, GREY8, path=str(tmp_path)).labels is None


@pytest.mark.parametrize(("channels", "expected"), [(1, [76]), (2, [76, 255]), (3, [255, 0, 0]), (4, [255, 0, 0, 255])])
def test_images_have_the_channels_asked_for(channels, expected, tmp_path):
    picture(tmp_path / "red.png", (255, 0, 0))
    images = read(data.images, ImageSpec(8, 8, channels), path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[0, 4, 4], expected)


@pytest.mark.parametrize(("channels", "expected"), [(1, [255]), (3, [255, 255, 255]), (4, [9, 9, 9, 0])])
def test_transparent_pixels_show_the_background_or_stay_transparent(channels, expected, tmp_path):
    picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA", size=(8, 8))
    images = read(data.images, ImageSpec(8, 8, channels), path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[0, 4, 4], expected)


def test_background_is_an_option(tmp_path):
    picture(tmp_path / "clear.png", (9, 9, 9, 0), mode="RGBA")
    assert (read(data.images, GREY8, path=str(tmp_path), background=17).pixels == 17).all()


def test_palette_transparency_and_16_bits(tmp_path):
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


def test_crop_cuts_the_longer_side_and_keeps_the_middle(tmp_path):
    stripes(96, 24).save(tmp_path / "wide.png")
    stripes(96, 24).rotate(90, expand=True).save(tmp_path / "tall.png")
    images = read(data.images, GREY8, path=str(tmp_path))
    # Lanczos looks a little beyond the part that is kept.
    np.testing.assert_allclose(images.pixels, 128, atol=3)


def test_pad_keeps_everything_and_adds_margins(tmp_path):
    stripes(96, 32).save(tmp_path / "wide.png")
    (image,) = read(data.images, ImageSpec(12, 12, 1), path=str(tmp_path), fit="pad").pixels[..., 0]
    assert (image[:4] == 255).all()
    assert (image[8:] == 255).all()
    np.testing.assert_allclose(image[6], np.repeat([0, 128, 255], 4), atol=25)


def test_pad_of_an_image_with_alpha_is_transparent(tmp_path):
    picture(tmp_path / "wide.png", (10, 20, 30), size=(32, 8))
    (image,) = read(data.images, ImageSpec(8, 8, 4), path=str(tmp_path), fit="pad").pixels
    np.testing.assert_array_equal(image[0, 0], [255, 255, 255, 0])
    np.testing.assert_array_equal(image[4, 4], [10, 20, 30, 255])


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 48), (8, 8), (1000, 999)])
@pytest.mark.parametrize("spec", [ImageSpec(8, 8, 3), ImageSpec(9, 31, 1)], ids=["square", "wide"])
def test_any_size_fits(size, fit, spec, tmp_path):
    picture(tmp_path / "a.png", 77, size=size, mode="L")
    (image,) = read(data.images, spec, path=str(tmp_path), fit=fit).pixels
    assert set(np.unique(image)) <= {77, 255}
    assert 77 in image


def test_resizing_is_antialiased(tmp_path):
    checkerboard = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkerboard).save(tmp_path / "a.png")
    np.testing.assert_allclose(read(data.images, GREY8, path=str(tmp_path)).pixels, 127.5, atol=4)


def test_exif_orientation_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by 90° clockwise to see it upright.
    stripes(96, 96).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    (image,) = read(data.images, ImageSpec(12, 12, 1), path=str(tmp_path)).pixels[..., 0]
    assert (image[:3] < 40).all()
    assert (image[-3:] > 215).all()


def test_broken_files_are_skipped_and_listed(tmp_path):
    for number in range(19):
        picture(tmp_path / f"{number:02}.png", number, mode="L")
    whole = (tmp_path / "00.png").read_bytes()
    (tmp_path / "zz.png").write_bytes(whole[: len(whole) // 2])
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[:, 0, 0, 0], range(19))
    (reason,) = images.skipped
    assert reason.startswith(f"{tmp_path / 'zz.png'}: ")


def test_too_many_broken_files_are_an_error(tmp_path):
    picture(tmp_path / "a.png", 0, mode="L")
    (tmp_path / "b.jpg").write_bytes(b"no image at all")
    with pytest.raises(DataError, match=r"(?s)1 of 2 files .* max_broken_share=0.1; the first:.*b.jpg: Unidentified"):
        read(data.images, GREY8, path=str(tmp_path))
    assert len(read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5).pixels) == 1


def test_decompression_bombs_are_broken_files(tmp_path, monkeypatch):
    picture(tmp_path / "a.png", 0, mode="L", size=(10, 10))
    picture(tmp_path / "b.png", 0, mode="L", size=(30, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    images = read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5)
    assert "DecompressionBomb" in images.skipped[0]


def test_other_formats_behind_an_image_suffix_are_not_decoded(tmp_path):
    picture(tmp_path / "a.png", 0, mode="L")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png", format="TIFF")
    assert len(read(data.images, GREY8, path=str(tmp_path), max_broken_share=0.5).skipped) == 1


def test_links_are_followed_once_and_pipes_are_not_opened(tmp_path):
    picture(tmp_path / "real" / "a.png", 1, mode="L")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "dangling.png").symlink_to(tmp_path / "nowhere")
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    picture(outside / "b.png", 2, mode="L")
    (tmp_path / "linked").symlink_to(outside)
    os.mkfifo(tmp_path / "pipe.png")
    images = read(data.images, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(sorted(images.pixels[:, 0, 0, 0]), [1, 2])


def test_images_path_that_does_not_serve(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist: give a folder of images \(.png"):
        read(data.images, GREY8, path=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no image in .*: put files into it that end in .png"):
        read(data.images, GREY8, path=str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file is not a folder"):
        read(data.images, GREY8, path=str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (data.images, {}),
        (data.images, {"path": ""}),
        (data.images, {"path": "a", "fit": "stretch"}),
        (data.images, {"path": "a", "max_broken_share": 1.5}),
        (data.npz, {}),
        (data.keras_dataset, {}),
        (data.keras_dataset, {"name": "imagenet"}),
        (data.fashion_mnist_4k, {"path": "a"}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
