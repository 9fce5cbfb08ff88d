from __future__ import annotations

import os
import pickle
import zipfile

import numpy as np
import pytest
from dcgan_kit_plugins import data

from dcgan_kit import DataError, ImageSpec

GREY8 = ImageSpec(8, 8, 1)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)


def test_npz_reads_images_and_labels(tmp_path, pixels, read):
    np.savez_compressed(tmp_path / "a.npz", x=pixels, y=np.arange(6, dtype=np.int16))
    images = read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(images.pixels, pixels)
    np.testing.assert_array_equal(images.labels, range(6))


def test_npz_may_lack_the_channel_axis_and_labels(tmp_path, pixels, read):
    np.savez(tmp_path / "a.npz", pictures=pixels[..., 0])
    images = read(data.npz, GREY8, path=str(tmp_path / "a.npz"), images="pictures")
    np.testing.assert_array_equal(images.pixels, pixels)
    assert images.labels is None


def test_npz_path_may_be_relative_or_start_at_home(tmp_path, pixels, monkeypatch, read):
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
        ({"x": "object"}, {}, r"a.npz: 'x' holds Python objects, which are never unpickled"),
        ({"x": "uint8", "y": "float32"}, {}, r"labels must be one integer for each of the 6 images. Received: float32"),
    ],
)
def test_npz_with_other_arrays(arrays, options, message, tmp_path, pixels, read):
    np.savez(tmp_path / "a.npz", **{name: pixels.astype(dtype) for name, dtype in arrays.items()})
    with pytest.raises(DataError, match=message):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"), **options)


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (6, 8), (6, 8, 9, 1), (6, 1, 8, 8, 1)])
def test_npz_of_another_shape(shape, tmp_path, read):
    np.savez(tmp_path / "a.npz", x=np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=r"a.npz"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_that_is_damaged(tmp_path, pixels, read):
    np.savez_compressed(tmp_path / "whole.npz", x=pixels)
    whole = (tmp_path / "whole.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[120:160] = bytes(40)
    for name, content in {"short": whole[:200], "empty": b"", "flipped": flipped, "text": b"hello"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: not a readable .npz archive"):
            read(data.npz, GREY8, path=str(tmp_path / name))


def test_npz_never_unpickles(tmp_path, read):
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


def test_npz_that_claims_more_than_it_holds(tmp_path, read):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000, 8, 8, 1), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_of_a_size_that_no_machine_holds(tmp_path, pixels, monkeypatch, read):
    monkeypatch.setattr("dcgan_kit_plugins._arrays.LARGEST_ARRAY", 100)
    np.savez_compressed(tmp_path / "a.npz", x=pixels)
    with pytest.raises(DataError, match=r"array 'x' would take"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_that_is_missing_or_a_folder(tmp_path, read):
    with pytest.raises(
        DataError, match=r"a.npz does not exist: give an archive of uint8 images, as numpy.savez writes it"
    ):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    with pytest.raises(DataError, match=r"is a folder, which 'npz' does not read: write data: {use: images, path: "):
        read(data.npz, GREY8, path=str(tmp_path))


# NumPy files of one array


def test_npy_reads_images_and_labels_of_another_file(tmp_path, pixels, read):
    np.save(tmp_path / "a.npy", pixels)
    np.save(tmp_path / "b.npy", np.arange(6, dtype=np.uint8)[:, None])
    images = read(data.npy, GREY8, path=str(tmp_path / "a.npy"), labels=str(tmp_path / "b.npy"))
    assert type(images.pixels) is np.ndarray
    np.testing.assert_array_equal(images.pixels, pixels)
    np.testing.assert_array_equal(images.labels, range(6))
    np.save(tmp_path / "a.npy", np.asfortranarray(pixels[..., 0]))
    images = read(data.npy, GREY8, path=str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(images.pixels, pixels)
    assert images.labels is None


def test_npy_that_is_missing_or_a_folder(tmp_path, pixels, read):
    with pytest.raises(
        DataError, match=r"a.npy does not exist: give an array of uint8 images, as numpy.save writes it"
    ):
        read(data.npy, GREY8, path=str(tmp_path / "a.npy"))
    with pytest.raises(DataError, match=r"is a folder, which 'npy' does not read: write data: {use: images, path: "):
        read(data.npy, GREY8, path=str(tmp_path))
    np.save(tmp_path / "a.npy", pixels)
    with pytest.raises(DataError, match=r"no file .*b.npy: put it there"):
        read(data.npy, GREY8, path=str(tmp_path / "a.npy"), labels=str(tmp_path / "b.npy"))


def test_npy_that_is_damaged_or_pickled(tmp_path, pixels, read):
    np.save(tmp_path / "whole", pixels)
    whole = (tmp_path / "whole.npy").read_bytes()
    huge = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000, 8, 8, 1), }"
    np.save(tmp_path / "objects", np.array([None] * 3))
    contents = {
        "short": whole[:-1],
        "empty": b"",
        "text": b"hello",
        "flipped": whole[:20] + bytes(20) + whole[40:],
        "huge": b"\x93NUMPY\x01\x00" + len(huge).to_bytes(2, "little") + huge,
        "pickled": (tmp_path / "objects.npy").read_bytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: not a readable .npy file"):
            read(data.npy, GREY8, path=str(tmp_path / name))


def test_npy_of_other_arrays(tmp_path, pixels, read):
    np.save(tmp_path / "a.npy", pixels.astype(np.float32))
    with pytest.raises(DataError, match=r"a.npy: images must be uint8.*Received: float32, \(6, 8, 8, 1\)"):
        read(data.npy, GREY8, path=str(tmp_path / "a.npy"))
    np.save(tmp_path / "a.npy", pixels)
    np.save(tmp_path / "b.npy", np.arange(5))
    with pytest.raises(
        DataError, match=r"labels must be one integer for each of the 6 images. Received: int64, \(5,\)"
    ):
        read(data.npy, GREY8, path=str(tmp_path / "a.npy"), labels=str(tmp_path / "b.npy"))
