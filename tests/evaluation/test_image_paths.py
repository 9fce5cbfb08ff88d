from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.evaluation.image_paths import images_at, size_at

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 12, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, pixels in enumerate(PIXELS):
        file = tmp_path / "folder" / "deep" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    return tmp_path / "folder"


@pytest.fixture
def sources(tmp_path, folder):
    np.savez(tmp_path / "x.npz", x=PIXELS, y=np.arange(6))
    np.savez_compressed(tmp_path / "only.npz", images=PIXELS)
    np.save(tmp_path / "a.npy", PIXELS)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.name)
    return [folder, *(tmp_path / name for name in ("x.npz", "only.npz", "a.npy", "z.zip"))]


def test_every_source_gives_the_same_images(sources, registry):
    for source in sources:
        assert size_at(source) == ImageSpec(10, 12, 3)
        np.testing.assert_array_equal(images_at(source, ImageSpec(10, 12, 3), registry).pixels, PIXELS)


def test_files_are_resized_and_arrays_are_not(sources, registry):
    assert images_at(sources[0], ImageSpec(8, 8, 1), registry).pixels.shape == (6, 8, 8, 1)
    with pytest.raises(DataError, match="10x12x3"):
        images_at(sources[1], ImageSpec(8, 8, 1), registry)


def test_grey_images_have_one_channel(tmp_path):
    Image.fromarray(PIXELS[0, :, :, 0]).save(tmp_path / "grey.png")
    assert size_at(tmp_path) == ImageSpec(10, 12, 1)
    np.save(tmp_path / "grey.npy", PIXELS[..., 0])
    assert size_at(tmp_path / "grey.npy") == ImageSpec(10, 12, 1)


def test_images_of_several_sizes_are_not_resized_without_a_word(tmp_path, sources):
    small = tmp_path / "folder" / "small.png"
    Image.fromarray(PIXELS[0, :5]).save(small)
    with zipfile.ZipFile(tmp_path / "z.zip", "a") as archive:
        archive.write(small, "small.png")
    for source, first in ((tmp_path / "folder", "deep/0.png"), (tmp_path / "z.zip", "0.png")):
        reported = rf"10x12x3 \({first}\) and of 5x12x3 \(small\.png\): give --size, e\.g\. --size 10x12x3"
        with pytest.raises(DataError, match=reported):
            size_at(source)


def test_an_image_has_the_size_that_it_has_upright(tmp_path, registry):
    upright = Image.fromarray(PIXELS[0])
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("turned.png", "turned.jpg"):
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / name, exif=exif)
    assert size_at(tmp_path) == ImageSpec(10, 12, 3)
    np.testing.assert_array_equal(images_at(tmp_path, ImageSpec(10, 12, 3), registry).pixels[1:], PIXELS[[0, 0]])


def test_what_no_data_component_reads_has_no_say(tmp_path, folder):
    (folder / "broken.png").write_bytes(b"no image")
    (folder / ".hidden").mkdir()
    (folder / "runs" / "x" / "samples").mkdir(parents=True)
    (folder / "runs" / "x" / "checkpoints").mkdir()
    (folder / "runs" / "x" / "recipe.yaml").touch()
    for name in (".hidden/0.png", ".1.png", "runs/x/samples/2.png"):
        Image.fromarray(PIXELS[0, :5]).save(folder / name)
    (folder / "above").symlink_to(folder)
    assert size_at(folder) == ImageSpec(10, 12, 3)


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        ("missing.npz", None, "there is no such file"),
        ("missing", None, "there is no such folder"),
        ("missing.npy", None, "there is no such file"),
        ("missing.zip", None, "there is no such file"),
        ("text.txt", b"x", "give a folder of images, a .zip of them, or an array"),
        ("broken.npz", b"x", "is not a readable zip archive: it is cut off, damaged, or something else"),
        ("broken.npy", b"x", "is not a NumPy array"),
        ("broken.zip", b"x", "is not a readable zip archive: it is cut off, damaged, or something else"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, name, content, reported):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reported):
        size_at(tmp_path / name)


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no image in it"):
        size_at(tmp_path)


def test_arrays_of_other_things_are_told(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros(5))
    with pytest.raises(DataError, match=r"images are an array .* Received: \(5,\)"):
        size_at(tmp_path / "flat.npy")


def test_an_archive_without_the_array_is_told_with_what_it_has(tmp_path):
    np.savez(tmp_path / "a.npz", faces=PIXELS, depth=PIXELS)
    with pytest.raises(DataError, match=r"a.npz: needs an array x, .* It has faces.npy, depth.npy"):
        size_at(tmp_path / "a.npz")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["a.npz", "a.zip"])
def test_what_would_unpack_without_a_limit_is_not_unpacked_for_its_header(name, method, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", PIXELS)
    Image.fromarray(PIXELS[0]).save(tmp_path / "x.png")
    with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
        archive.write(tmp_path / ("x.npy" if name == "a.npz" else "x.png"), "x.npy" if name == "a.npz" else "x.png")
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("is unpacked"))
    with pytest.raises(DataError, match=r"packed by another method than deflate|there is no image in it"):
        size_at(tmp_path / name)


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(40, "Too many levels")])
def test_a_path_that_may_not_be_looked_at_is_told(error, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.stat", lambda *_, **__: (_ for _ in ()).throw(error))
    with pytest.raises(DataError, match=rf"{tmp_path}: {error.strerror}"):
        size_at(tmp_path)
