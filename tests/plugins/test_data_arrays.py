from __future__ import annotations

import os
import pickle
import subprocess
import sys
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
    with pytest.raises(DataError, match=r"'x' is not a NumPy array"):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))
    assert not (tmp_path / "exploded").exists()


def test_npz_that_claims_more_than_it_holds(tmp_path, read):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000, 8, 8, 1), }"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_npz_of_a_size_that_no_machine_holds(tmp_path, pixels, monkeypatch, read):
    monkeypatch.setattr("dcgan_kit_plugins.data.arrays.LARGEST_ARRAY", 100)
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
    with pytest.raises(DataError, match=r"b.npy does not exist: give an array"):
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


# Arrays that claim more than they should


def zeros(path, arrays, compression=zipfile.ZIP_DEFLATED):
    """Write an archive of arrays of zeros, {name: (dtype, shape)}, without ever holding one."""
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        for name, (dtype, shape) in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_2_0(member, {"descr": dtype, "fortran_order": False, "shape": shape})
                left = int(np.prod(shape)) * np.dtype(dtype).itemsize
                while left:
                    member.write(bytes(min(left, 2**20)))
                    left -= min(left, 2**20)


READING = """
import resource, sys
from dcgan_kit import DataError, ImageSpec
from dcgan_kit_plugins import data
from dcgan_kit_plugins.data import arrays, image_reading
import numpy, zipfile
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for component, path in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        images = getattr(data, component).build(ImageSpec(8, 8, 1), dict(getattr(data, component).options(path=path)))
        print(len(images), end=" ")
    except DataError as error:
        assert "Error" not in str(error), error
        print("refused", end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_no_array_takes_memory_that_its_images_do_not_justify(tmp_path):
    few = ("|u1", (6, 8, 8))
    zeros(tmp_path / "labels.npz", {"x": few, "y": ("<i8", (2**24,))})
    zeros(tmp_path / "floats.npz", {"x": ("<f8", (2**18, 8, 8))})
    zeros(tmp_path / "texts.npz", {"x": few, "y": ("<U5000000", (6,))})
    header = b"\x93NUMPY\x02\x00" + (2**27).to_bytes(4, "little")
    with zipfile.ZipFile(tmp_path / "header.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header + b" " * 2**27)
    (tmp_path / "header.npy").write_bytes(header)
    with (tmp_path / "header.npy").open("r+b") as stream:
        stream.truncate(2**28)
    zeros(tmp_path / "beside.npz", {"x": few, "z": ("<f8", (2**24,))})
    files = ["labels.npz", "floats.npz", "texts.npz", "header.npz", "header.npy", "beside.npz"]
    arguments = [part for name in files for part in (name.rpartition(".")[2], str(tmp_path / name))]
    process = subprocess.run([sys.executable, "-c", READING, *arguments], capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    *found, grown = process.stdout.split()
    assert found == ["refused"] * 5 + ["6"]
    assert int(grown) < 48, "MiB"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["x", "y"])
def test_methods_without_a_limit_are_refused(name, compression, tmp_path, read):
    arrays = {"x": ("|u1", (6, 8, 8)), "y": ("<i8", (6,))}
    zeros(tmp_path / "a.npz", {key: value for key, value in arrays.items() if key != name})
    zeros(tmp_path / "b.npz", {name: arrays[name]}, compression)
    with zipfile.ZipFile(tmp_path / "a.npz", "a", compression) as archive, zipfile.ZipFile(tmp_path / "b.npz") as other:
        archive.writestr(f"{name}.npy", other.read(f"{name}.npy"))
    with pytest.raises(
        DataError, match=rf"a.npz: array '{name}' is encrypted, or packed by another method than deflate"
    ):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"))


def test_refusals_name_the_option_that_helps(tmp_path, pixels, read):
    np.savez(tmp_path / "a.npz", pictures=pixels, classes=np.arange(6), depth=np.zeros((6, 8, 8), np.float32))
    for options, reported in (
        ({}, r"no array 'x' in the archive. It has pictures, classes, depth: set 'images' to one of them"),
        ({"images": "pictures", "labels": "c"}, r"no array 'c' .*: set 'labels' to one of them, or to null"),
        ({"images": "depth"}, r"Received: float32, .*also has pictures, classes: set 'images' if one of them is meant"),
        (
            {"images": "pictures", "labels": "depth"},
            r"labels must be one integer .*: set 'labels' to others, or to null",
        ),
    ):
        with pytest.raises(DataError, match=reported):
            read(data.npz, GREY8, path=str(tmp_path / "a.npz"), **options)


def test_an_array_that_ends_early_or_has_a_negative_side(tmp_path, read):
    zeros(tmp_path / "whole.npz", {"x": ("|u1", (6, 8, 8))})
    with zipfile.ZipFile(tmp_path / "whole.npz") as archive:
        whole = archive.read("x.npy")
    for name, content, reported in (
        ("short", whole[:-10], r"array 'x' ends after 374 of 384 bytes"),
        ("negative", whole.replace(b"(6, 8, 8)", b"(-6,8, 8)"), r"'x' is not a NumPy array"),
        ("code", whole.replace(b"(6, 8, 8)", b"print(12)"), r"'x' is not a NumPy array"),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.npz", "w") as archive:
            archive.writestr("x.npy", content)
        (tmp_path / f"{name}.npy").write_bytes(content)
        with pytest.raises(DataError, match=reported):
            read(data.npz, GREY8, path=str(tmp_path / f"{name}.npz"))
        with pytest.raises(
            DataError, match=rf"{name}.npy: not a readable .npy file: (ends after 374|is not a NumPy array)"
        ):
            read(data.npy, GREY8, path=str(tmp_path / f"{name}.npy"))


# Files that are not what they seem


@pytest.mark.parametrize("component", [data.npz, data.npy, data.images, data.image_zip, data.tfrecord], ids=str)
@pytest.mark.parametrize("kind", ["pipe", "endless", "link to a pipe", "itself"])
def test_no_source_waits_for_a_pipe_or_reads_a_device(component, kind, tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    place = tmp_path / "a.tfrecord"
    target = {"pipe": None, "endless": "/dev/zero", "link to a pipe": tmp_path / "pipe", "itself": place}[kind]
    if target is None:
        os.mkfifo(place)
    else:
        place.symlink_to(target)
    with pytest.raises(DataError, match=r"a.tfrecord"):
        read(component, GREY8, path=str(place))


def test_labels_of_an_npy_may_not_be_a_pipe_either(tmp_path, pixels, read):
    np.save(tmp_path / "a.npy", pixels)
    os.mkfifo(tmp_path / "labels.npy")
    with pytest.raises(DataError, match=r"labels.npy is not an ordinary file"):
        read(data.npy, GREY8, path=str(tmp_path / "a.npy"), labels=str(tmp_path / "labels.npy"))
