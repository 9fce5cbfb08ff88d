from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from dcgan_kit_plugins import data
from PIL import Image

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.data import image_archive as archives

GREY8 = ImageSpec(8, 8, 1)


def png(grey, size=(16, 16)):
    stream = io.BytesIO()
    Image.new("L", size, grey).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Return a function {name: bytes} -> path of a zip archive in a folder that holds nothing else."""

    def archive(members, compression=zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as stream:
            for name, content in members.items():
                stream.writestr(name, content)
        return str(tmp_path / "a.zip")

    return archive


def test_images_are_read_in_sorted_order_and_nothing_is_unpacked(archive, read, tmp_path):
    path = archive(
        {
            "b.png": png(20),
            "a.jpg": png(10),
            "deep/c.png": png(30),
            "notes.txt": b"no image",
            "__MACOSX/a.png": b"no image",
            ".b.png": b"no image",
        }
    )
    images = read(data.image_zip, GREY8, path=path)
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [10, 20, 30])
    assert images.labels is None
    assert images.skipped == ()
    assert os.listdir(tmp_path) == ["a.zip"]


def test_class_folders_and_a_folder_to_start_at(archive, read):
    members = {"all/b/1.png": png(30), "all/a/1.png": png(10), "all/a/2.png": png(20), "test/x.png": png(99)}
    images = read(data.image_zip, GREY8, path=archive(members), folder="all")
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [10, 20, 30])
    np.testing.assert_array_equal(images.labels, [0, 0, 1])
    with pytest.raises(DataError, match=r"no image in folder 'none' of .*a.zip"):
        read(data.image_zip, GREY8, path=archive(members), folder="none")


@pytest.mark.parametrize(
    "name", ["../out.png", "/tmp/out.png", "a/../../out.png", "a\\..\\..\\out.png", "C:/out.png", "//host/out.png"]
)
def test_names_that_lead_out_are_skipped_and_nothing_is_written(name, archive, read, tmp_path):
    path = archive({"a/1.png": png(10), "a/2.png": png(10), "b/1.png": png(20), name: png(30)})
    images = read(data.image_zip, GREY8, path=path, max_broken_share=0.5)
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [10, 10, 20])
    np.testing.assert_array_equal(images.labels, [0, 0, 1])
    assert len(images.skipped) == 1
    assert images.skipped[0].endswith("its name points outside the archive")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_encrypted_members_are_skipped(archive, read):
    path = archive({"a.png": png(10), "b.png": png(20)}, zipfile.ZIP_STORED)
    with open(path, "r+b") as stream:
        content = bytearray(stream.read())
        # The flag stands in the member's own header and in the directory at the end.
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
        stream.seek(0)
        stream.write(content)
    images = read(data.image_zip, GREY8, path=path, max_broken_share=0.5)
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [20])
    assert images.skipped == (f"{path}/a.png: it is encrypted: make an archive without a password",)


def test_damaged_members_are_skipped(archive, read):
    path = archive({"a.png": png(10), "b.png": b"", "c.png": png(30)}, zipfile.ZIP_STORED)
    with open(path, "r+b") as stream:
        stream.seek(60)
        stream.write(bytes(10))
    images = read(data.image_zip, GREY8, path=path, max_broken_share=0.7)
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [30])
    assert "a.png: the archive is damaged there: what it unpacks to is not what was packed" in images.skipped[0]
    assert "b.png: it is empty" in images.skipped[1]


def test_members_and_archives_that_claim_too_much_are_refused(archive, read, monkeypatch):
    path = archive({"a.png": png(10), "b.png": bytes(100_000)})
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 50_000)
    images = read(data.image_zip, GREY8, path=path, max_broken_share=0.5)
    assert images.skipped[0].endswith("MiB are more than an image may have (0 MiB)")
    monkeypatch.setattr(archives, "LARGEST_TOTAL", 60_000)
    with pytest.raises(DataError, match=r"a.zip would unpack to 0 GiB. At most"):
        read(data.image_zip, GREY8, path=path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_limit_are_refused(compression, archive, read):
    with pytest.raises(DataError, match=r"a.png: it is packed by another method than deflate"):
        read(data.image_zip, GREY8, path=archive({"a.png": png(10)}, compression))


def test_a_member_that_is_larger_than_it_says_is_not_unpacked_further(archive, tmp_path):
    path = archive({"a.png": png(10), "b.png": bytes(2**28)})
    with open(path, "r+b") as stream:
        content = bytearray(stream.read())
        for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            place = content.rindex(mark) + at
            content[place : place + 4] = struct.pack("<I", 1000)
        stream.seek(0)
        stream.write(content)
    code = """
import resource, sys
from dcgan_kit import ImageSpec
from dcgan_kit_plugins import data
import PIL.Image, numpy, zipfile
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = data.image_zip.build(ImageSpec(8, 8, 1), {"path": sys.argv[1], "max_broken_share": 0.5})
assert len(images.skipped) == 1, images.skipped
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True).stdout
    assert int(grown) < 64 * 1024, "KiB"


def test_a_file_that_is_no_archive(read, tmp_path):
    with pytest.raises(DataError, match=r"a.zip does not exist: give a zip archive of images"):
        read(data.image_zip, GREY8, path=str(tmp_path / "a.zip"))
    with pytest.raises(DataError, match=r"a.zip does not exist: put it there: from the moon"):
        read(data.image_zip, GREY8, path=str(tmp_path / "a.zip"), hint="from the moon")
    with pytest.raises(
        DataError, match=r"is a folder, which 'image_zip' does not read: write data: {use: images, path: "
    ):
        read(data.image_zip, GREY8, path=str(tmp_path))
    for content in (b"", b"hello", b"PK\x05\x06" + bytes(5)):
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(
            DataError, match=r"a.zip is not a readable zip archive: it is cut off, damaged, or something else"
        ):
            read(data.image_zip, GREY8, path=str(tmp_path / "a.zip"))


def test_a_truncated_archive(archive, read):
    path = archive({"a.png": png(10)})
    with open(path, "r+b") as stream:
        stream.truncate(100)
    with pytest.raises(DataError, match=r"a.zip is not a readable zip archive"):
        read(data.image_zip, GREY8, path=path)


def test_an_archive_without_images(archive, read):
    with pytest.raises(DataError, match=r"no image in .*a.zip: it must hold files of images"):
        read(data.image_zip, GREY8, path=archive({"notes.txt": b""}))
