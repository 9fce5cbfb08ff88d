"""Every built-in source returns its images as they are stored, and fits them as it does for a training."""

from __future__ import annotations

import io
import zipfile
from contextlib import nullcontext

import numpy as np
import pytest
from dcgan_kit_plugins import data

from dcgan_kit import DataError, ImageSpec

SPEC = ImageSpec(8, 8, 3)
ARRAY = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


@pytest.fixture
def sources(tmp_path, picture):
    """Each source that needs no other library: component and options."""
    for number in range(4):
        picture(tmp_path / "folder" / "ab"[number % 2] / f"{number}.png", (60 * number, 9, 200), (12 + number, 10))
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for file in sorted((tmp_path / "folder").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path / "folder"))
    np.savez_compressed(tmp_path / "a.npz", x=ARRAY, y=np.arange(5) % 2)
    np.save(tmp_path / "a.npy", ARRAY)
    np.save(tmp_path / "labels.npy", np.arange(5) % 2)
    return {
        "images": {"path": str(tmp_path / "folder"), "fit": "pad", "background": 7},
        "image_zip": {"path": str(tmp_path / "images.zip")},
        "npz": {"path": str(tmp_path / "a.npz")},
        "npy": {"path": str(tmp_path / "a.npy"), "labels": str(tmp_path / "labels.npy")},
        "fashion_mnist_4k": {"resize": True},
    }


@pytest.mark.parametrize("name", ["images", "image_zip", "npz", "npy", "fashion_mnist_4k"])
def test_what_is_stored_is_what_a_training_gets(name, sources, read):
    component = getattr(data, name)
    stored = component.stored(**dict(component.options(**sources[name])))
    loaded = read(component, SPEC, **sources[name])
    images = list(stored.images())
    assert len(images) == stored.count == len(loaded)
    assert [image.label for image in images] == loaded.labels.tolist()
    assert stored.class_names == loaded.class_names
    fitted = []
    for image in images[:20]:
        content = image.read()
        with content if hasattr(content, "close") else nullcontext():
            fitted.append(stored.fitted(content, SPEC))
    np.testing.assert_array_equal(np.stack(fitted), loaded.pixels[:20])
    # A second round begins with the first image.
    assert next(iter(stored.images())).name == images[0].name


def test_every_source_has_the_function():
    assert [component.name for component in data.dcgan_kit_components() if component.stored is None] == []


def test_encoded_images_are_read_as_they_are_in_their_files(sources):
    component = data.images
    stored = component.stored(**dict(component.options(**sources["images"])))
    with next(iter(stored.images())).read() as stream:
        assert stream.read(4) == b"\x89PNG"
    assert stored.resizes


@pytest.mark.parametrize("name", ["npz", "npy"])
def test_an_array_has_one_size(name, sources):
    component = getattr(data, name)
    stored = component.stored(**dict(component.options(**sources[name])))
    assert not stored.resizes
    with pytest.raises(DataError, match="images are 8x8x3, and 9x9x3 is asked for: it does not resize"):
        stored.fitted(ARRAY[0], ImageSpec(9, 9, 3))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": ARRAY.astype(float)}, "images must be uint8"),
        ({"x": ARRAY[:0]}, "there is no image in it"),
        ({"x": ARRAY, "y": np.arange(4)}, "one integer for each of the 5 images"),
        ({"z": ARRAY}, "no array 'x' in the archive. It has z"),
    ],
)
def test_arrays_that_are_no_images_are_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        data.npz.stored(**dict(data.npz.options(path=str(tmp_path / "a.npz"))))
    assert str(tmp_path / "a.npz") in str(caught.value)


def test_an_archive_that_is_cut_off_is_refused(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, x=ARRAY)
    (tmp_path / "a.npz").write_bytes(stream.getvalue()[:-30])
    with pytest.raises(DataError, match="not a readable"):
        data.npz.stored(**dict(data.npz.options(path=str(tmp_path / "a.npz"))))
