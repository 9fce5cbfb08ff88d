from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dcgan_kit_plugins import data
from dcgan_kit_plugins.data import image_reading, pixel_cache
from PIL import Image

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.data.progress import reporting_to

GREY8 = ImageSpec(8, 8, 1)


@pytest.fixture
def folder(tmp_path, picture):
    """A folder of 20 images in two classes."""
    for number in range(20):
        picture(tmp_path / "in" / "ab"[number % 2] / f"{number:02}.png", 10 * number, mode="L")
    return tmp_path / "in"


@pytest.fixture
def cache(read):
    """Return a function () -> the files in the cache."""
    return lambda: sorted(Path(os.environ["DCGAN_KIT_CACHE"]).iterdir())


@pytest.fixture
def no_decoding(monkeypatch):
    """Return a function after which nothing can be decoded."""

    def no_decoding():
        monkeypatch.setattr(image_reading, "decode", lambda *_: pytest.fail("the cache must serve"))

    return no_decoding


def test_few_images_are_held_in_memory(folder, read, cache):
    assert type(read(data.images, GREY8, path=str(folder)).pixels) is np.ndarray
    assert cache() == []


def test_many_images_are_mapped_from_the_cache_and_are_the_same(folder, read, cache, no_decoding):
    (folder / "a" / "broken.png").touch()
    expected = read(data.images, GREY8, path=str(folder))
    images = read(data.images, GREY8, path=str(folder), memory_mib=0)
    (file,) = cache()
    no_decoding()
    again = read(data.images, GREY8, path=str(folder), memory_mib=0)
    for found in (images, again):
        assert isinstance(found.pixels, np.memmap)
        assert not found.pixels.flags.writeable
        np.testing.assert_array_equal(found.pixels, expected.pixels)
        np.testing.assert_array_equal(found.labels, expected.labels)
        assert found.skipped == expected.skipped == (f"{folder}/a/broken.png: it is empty",)
    batch = again.batch(np.array([3, 1]))
    assert type(batch) is np.ndarray
    np.testing.assert_array_equal(batch, expected.pixels[[3, 1]])
    assert cache() == [file]


def test_every_source_may_be_mapped(folder, tmp_path, read, cache, no_decoding):
    import zipfile

    import tensorflow as tf

    files = sorted(folder.rglob("*.png"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(folder))
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        for file in files:
            content = tf.train.Feature(bytes_list=tf.train.BytesList(value=[file.read_bytes()]))
            record = tf.train.Example(features=tf.train.Features(feature={"image": content}))
            writer.write(record.SerializeToString())
    expected = read(data.images, GREY8, path=str(folder))
    for number in range(2):
        for component, name in ((data.image_zip, "a.zip"), (data.tfrecord, "a.tfrecord")):
            images = read(component, GREY8, path=str(tmp_path / name), memory_mib=0)
            assert isinstance(images.pixels, np.memmap)
            np.testing.assert_array_equal(images.pixels, expected.pixels)
        assert len(cache()) == 2
        if number == 0:
            no_decoding()


@pytest.mark.parametrize("shape", [(50, 8, 8, 1), (50, 8, 8)])
def test_an_archive_of_arrays_is_copied_to_the_cache(shape, tmp_path, read, cache, monkeypatch):
    monkeypatch.setattr("dcgan_kit_plugins.data.arrays.CHUNK", 1000)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", x=pixels, y=np.arange(50))
    for _ in range(2):
        images = read(data.npz, GREY8, path=str(tmp_path / "a.npz"), memory_mib=0)
        assert isinstance(images.pixels, np.memmap)
        np.testing.assert_array_equal(images.pixels, pixels.reshape(50, 8, 8, 1))
        np.testing.assert_array_equal(images.labels, range(50))
    assert len(cache()) == 1


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((6, 8, 8, 1), np.float32), r"a.npz: images must be uint8, .*Received: float32"),
        (np.zeros((6, 8, 8), np.uint8, order="F"), r"Received: uint8, \(6, 8, 8\), Fortran order"),
        (np.zeros((6, 9, 8), np.uint8), r"a.npz: images are 9x8x1, and the recipe's 'image' asks for 8x8x1"),
    ],
)
def test_an_archive_of_other_arrays_is_refused_and_leaves_nothing(pixels, message, tmp_path, read, cache):
    np.savez(tmp_path / "a.npz", x=pixels)
    with pytest.raises(DataError, match=message):
        read(data.npz, GREY8, path=str(tmp_path / "a.npz"), memory_mib=0)
    assert cache() == []


def test_a_file_of_one_array_is_mapped_itself(tmp_path, read, cache):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    images = read(data.npy, GREY8, path=str(tmp_path / "a.npy"), memory_mib=0)
    assert isinstance(images.pixels, np.memmap)
    np.testing.assert_array_equal(images.pixels[..., 0], pixels)
    assert cache() == []


def another_file(folder):
    Image.new("L", (16, 16), 7).save(folder / "a" / "new.png")


def changed_file(folder):
    Image.new("L", (16, 16), 7).save(folder / "a" / "00.png")


def touched_file(folder):
    os.utime(folder / "a" / "00.png", ns=(1, 1))


def renamed_file(folder):
    (folder / "a" / "00.png").rename(folder / "b" / "00.png")


@pytest.mark.parametrize("change", [another_file, changed_file, touched_file, renamed_file])
def test_what_changes_in_the_folder_is_seen(change, folder, read, cache):
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    change(folder)
    images = read(data.images, GREY8, path=str(folder), memory_mib=0)
    expected = read(data.images, GREY8, path=str(folder))
    np.testing.assert_array_equal(images.pixels, expected.pixels)
    np.testing.assert_array_equal(images.labels, expected.labels)
    assert len(cache()) == 2


@pytest.mark.parametrize("option", [{"fit": "pad"}, {"background": 3}, {"background": (1, 2, 3)}])
def test_other_options_have_another_file(option, folder, read, cache):
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    read(data.images, GREY8, path=str(folder), memory_mib=0, **option)
    assert len(cache()) == 2


def test_another_size_has_another_file(folder, read, cache):
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    read(data.images, ImageSpec(4, 16, 1), path=str(folder), memory_mib=0)
    assert len(cache()) == 2


def test_the_share_of_broken_files_is_checked_again(folder, read, no_decoding):
    (folder / "a" / "broken.png").touch()
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    no_decoding()
    with pytest.raises(DataError, match=r"1 of 21 images in .* cannot be read: repair"):
        read(data.images, GREY8, path=str(folder), memory_mib=0, max_broken_share=0.0)


def cut(content):
    return content[: len(content) // 2]


def emptied(content):
    return b""


def flipped(content):
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def longer(content):
    return content + b"x"


def other(content):
    return b"\0" * len(content)


@pytest.mark.parametrize("damage", [cut, emptied, flipped, longer, other])
def test_a_damaged_cache_is_written_anew(damage, folder, read, cache):
    expected = np.array(read(data.images, GREY8, path=str(folder), memory_mib=0).pixels)
    (file,) = cache()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    np.testing.assert_array_equal(read(data.images, GREY8, path=str(folder), memory_mib=0).pixels, expected)
    assert cache() == [file]
    assert file.read_bytes() == whole


def test_a_run_that_fails_or_is_killed_leaves_no_cache_that_serves(folder, read, cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dcgan_kit_plugins.data.image_reading.report_progress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read(data.images, GREY8, path=str(folder), memory_mib=0)
    assert cache() == []
    # What a killed process leaves goes when it is a day old, and not while another may be writing it.
    left = Path(os.environ["DCGAN_KIT_CACHE"]) / ".0123-abc.tmp"
    left.write_bytes(b"half")
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    assert left in cache()
    os.utime(left, (time.time() - 2 * pixel_cache.STALE_SECONDS,) * 2)
    read(data.images, GREY8, path=str(folder), memory_mib=0, fit="pad")
    assert left not in cache()


def test_a_process_that_is_killed_while_it_writes_and_two_that_write_at_once(folder, read, cache):
    code = """
import sys
from dcgan_kit import ImageSpec
from dcgan_kit_plugins import data
from dcgan_kit_plugins.data import image_reading
def waiting(done, total):
    if done == int(sys.argv[2]):
        print("here", flush=True)
        sys.stdin.readline()
image_reading.report_progress = waiting
images = data.images.build(ImageSpec(8, 8, 1), {"path": sys.argv[1], "memory_mib": 0})
print(images.pixels.sum())
"""

    def started(stop):
        command = [sys.executable, "-c", code, str(folder), str(stop)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "here\n"
        return process

    with started(10) as killed:
        killed.kill()
    assert [file.suffix for file in cache()] == [".tmp"]
    with started(5) as one, started(15) as other:
        sums = [process.communicate("go on\n")[0] for process in (one, other)]
    expected = read(data.images, GREY8, path=str(folder)).pixels.sum()
    assert sums == [f"{expected}\n"] * 2
    assert sorted(file.suffix for file in cache()) == [".pixels", ".tmp"]


def test_a_cache_that_cannot_be_written(folder, read, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        DataError, match=rf"the cache {tmp_path}/file cannot be used: .*: set DCGAN_KIT_CACHE to a writable folder"
    ):
        read(data.images, GREY8, path=str(folder), memory_mib=0)


def test_a_disk_that_is_too_small_is_told_before_anything_is_decoded(folder, read, monkeypatch, no_decoding):
    no_decoding()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(DataError, match=r"20 decoded images take 0.0 GiB, and .* has 0.0 GiB left: free some, or set"):
        read(data.images, GREY8, path=str(folder), memory_mib=0)


def test_the_cache_lies_at_home_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv("DCGAN_KIT_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pixel_cache.cache_folder() == tmp_path / ".cache" / "dcgan-kit"


def test_progress_is_told_for_every_image(folder, read, monkeypatch):
    monkeypatch.setattr("dcgan_kit.data.progress.SILENT_SECONDS", 0.0)
    monkeypatch.setattr("dcgan_kit.data.progress.EVERY_SECONDS", 0.0)
    reported = []
    with reporting_to(lambda done, total: reported.append((done, total))):
        read(data.images, GREY8, path=str(folder))
    assert reported == [(n, 20) for n in range(1, 21)]


def test_memory_stays_bounded_while_many_images_are_decoded(tmp_path):
    # 192 MiB of pixels, by 4,000 different names for a few files, with room for 16 MiB in memory.
    noise = np.random.default_rng(0)
    for number in range(8):
        Image.fromarray(noise.integers(0, 256, (128, 128, 3), dtype=np.uint8)).save(tmp_path / f"{number}.jpg")
    for number in range(8, 4096):
        os.link(tmp_path / f"{number % 8}.jpg", tmp_path / f"{number}.jpg")
    code = """
import resource, sys
import numpy, PIL.Image
from dcgan_kit import ImageSpec
from dcgan_kit_plugins import data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = data.images.build(ImageSpec(128, 128, 3), {"path": sys.argv[1], "memory_mib": 16})
assert images.pixels.shape == (4096, 128, 128, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = {**os.environ, "DCGAN_KIT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, str(tmp_path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert int(output) < 64 * 1024, "KiB"


@pytest.mark.parametrize("target", ["pipe", "/dev/zero", "folder"])
def test_a_cache_file_that_is_no_ordinary_file_is_told_and_left(target, folder, read, cache, tmp_path):
    read(data.images, GREY8, path=str(folder), memory_mib=0)
    (file,) = cache()
    file.unlink()
    if target == "pipe":
        os.mkfifo(file)
    elif target == "folder":
        file.mkdir()
    else:
        file.symlink_to(target)
    before = file.lstat().st_mode
    with pytest.raises(DataError, match=r"the cache .* cannot be used: is not a regular file: set DCGAN_KIT_CACHE"):
        read(data.images, GREY8, path=str(folder), memory_mib=0)
    assert file.lstat().st_mode == before


def test_what_is_left_out_is_told_from_the_cache_too(folder, read, no_decoding):
    (folder / "notes.txt").touch()
    (folder / "a" / "run" / "checkpoints").mkdir(parents=True)
    (folder / "a" / "run" / "recipe.yaml").touch()
    first = read(data.images, GREY8, path=str(folder), memory_mib=0)
    no_decoding()
    again = read(data.images, GREY8, path=str(folder), memory_mib=0)
    assert len(first.left_out) == 2
    assert (again.left_out, again.notes) == (first.left_out, first.notes)
    assert again.notes == (f"{folder}: labels are the folders' names, 2 classes: a (10), b (10)",)
