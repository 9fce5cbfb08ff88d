from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import data
from dcgan_kit_plugins.data import tfrecord_files
from PIL import Image

from dcgan_kit import DataError, ImageSpec

GREY8 = ImageSpec(8, 8, 1)


def png(grey):
    stream = io.BytesIO()
    Image.new("L", (16, 16), grey).save(stream, "PNG")
    return stream.getvalue()


def example(image, label=None, names=("image", "label")):
    features = {names[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))}
    if label is not None:
        features[names[1]] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, records, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_images_and_labels(compression, tmp_path, read):
    write(tmp_path / "a.tfrecord", [example(png(10 * n), n) for n in range(5)], compression)
    images = read(data.tfrecord, GREY8, path=str(tmp_path / "a.tfrecord"))
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [0, 10, 20, 30, 40])
    np.testing.assert_array_equal(images.labels, range(5))
    assert images.skipped == ()


def test_names_of_features_are_options(tmp_path, read):
    names = ("image/encoded", "image/class/label")
    write(tmp_path / "a", [example(png(10), 7, names)])
    options = {"path": str(tmp_path / "a"), "image": names[0], "label": names[1]}
    assert read(data.tfrecord, GREY8, **options).labels.tolist() == [7]
    assert read(data.tfrecord, GREY8, **{**options, "label": None}).labels is None
    assert read(data.tfrecord, GREY8, path=options["path"], image=names[0]).labels is None
    with pytest.raises(
        DataError, match=r"a, record 1: no feature 'image'. It has image/class/label, image/encoded: se"
    ):
        read(data.tfrecord, GREY8, path=options["path"])
    with pytest.raises(DataError, match=r"no feature 'class'. It has"):
        read(data.tfrecord, GREY8, **{**options, "label": "class"})
    with pytest.raises(
        DataError, match=r"feature 'image/class/label' must hold one value as bytes_list. Received: int64"
    ):
        read(data.tfrecord, GREY8, **{**options, "image": names[1]})


def test_a_folder_and_a_pattern_are_read_in_sorted_order(tmp_path, read):
    for n in (2, 0, 1):
        write(tmp_path / f"train.tfrecord-{n:05}-of-00003", [example(png(10 * n))])
    write(tmp_path / "test.tfrecord", [example(png(99))])
    (tmp_path / "dataset_info.json").write_text("{}")
    images = read(data.tfrecord, GREY8, path=str(tmp_path))
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [99, 0, 10, 20])
    images = read(data.tfrecord, GREY8, path=str(tmp_path / "train.*"))
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [0, 10, 20])
    assert images.labels is None


def test_records_without_a_readable_image_or_a_label_are_skipped(tmp_path, read):
    good = [example(png(10), 1)] * 16
    write(tmp_path / "a.tfrecord", [*good, example(b"hello", 2), example(png(10)), b"\xff\xff\xff", example(b"", 3)])
    images = read(data.tfrecord, GREY8, path=str(tmp_path / "a.tfrecord"), max_broken_share=0.3)
    assert len(images) == 16
    assert [line.rpartition("record ")[2].split(":")[0] for line in images.skipped] == ["17", "18", "19", "20"]
    assert "no feature 'label'. It has image" in images.skipped[1]
    assert "no tf.train.Example" in images.skipped[2]


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_a_file_that_is_cut_off_keeps_what_is_whole(compression, tmp_path, read):
    file = tmp_path / "a.tfrecord"
    noise = np.random.default_rng(0)
    write(file, [example(png(10) + noise.bytes(20_000)) for _ in range(20)], compression)
    os.truncate(file, os.path.getsize(file) - 10_000)
    images = read(data.tfrecord, GREY8, path=str(file))
    assert len(images) == 19
    assert len(images.skipped) == 1
    assert images.skipped[0].startswith(f"{file}: ")


def test_behind_a_damaged_record_the_file_is_lost_and_counted(tmp_path, read):
    file = tmp_path / "a.tfrecord"
    write(file, [example(png(10), n) for n in range(10)])
    content = bytearray(file.read_bytes())
    size = len(content) // 10
    content[7 * size + 40] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"(?s)2 of 9 images in .* there are 10.*record 8: lost: corrupted record at"):
        read(data.tfrecord, GREY8, path=str(file))
    images = read(data.tfrecord, GREY8, path=str(file), max_broken_share=0.3)
    assert images.labels.tolist() == list(range(7))
    assert len(images.skipped) == 3


@pytest.mark.parametrize("length", [2**62, 2**40, 2**30])
def test_a_hostile_length_asks_for_no_memory(length, tmp_path, read):
    file = tmp_path / "a.tfrecord"
    head = struct.pack("<Q", length)
    write(file, [example(png(10))] * 20)
    with file.open("ab") as stream:
        stream.write(head + masked_crc(head) + bytes(100))
    images = read(data.tfrecord, GREY8, path=str(file))
    assert len(images) == 20
    assert images.skipped == (f"{file}: record 21 claims {length} bytes: damaged, or no TFRecord file",)


def masked_crc(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def test_a_packed_file_is_not_unpacked_into_memory(tmp_path, read, monkeypatch):
    monkeypatch.setattr(tfrecord_files, "LARGEST_RECORD", 10_000)
    write(tmp_path / "a.tfrecord", [*([example(png(10))] * 20), bytes(20_000)], "GZIP")
    images = read(data.tfrecord, GREY8, path=str(tmp_path / "a.tfrecord"))
    assert len(images) == 20
    assert "record 21 claims 20000 bytes" in images.skipped[0]


def test_files_that_do_not_serve(tmp_path, read):
    with pytest.raises(DataError, match=r"no TFRecord file at .*nowhere: give a file, a folder of files whose names"):
        read(data.tfrecord, GREY8, path=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no TFRecord file at .*: from the moon"):
        read(data.tfrecord, GREY8, path=str(tmp_path), hint="from the moon")
    for content in (b"", b"hello", b"hello hello hello", b"\x1f\x8b hello hello hello"):
        (tmp_path / "a.tfrecord").write_bytes(content)
        with pytest.raises(DataError, match=r"no record in .*: give TFRecord files of tf.train.Example"):
            read(data.tfrecord, GREY8, path=str(tmp_path))


def test_records_in_a_run_folder_are_left_out_of_a_pattern(tmp_path, read):
    run = tmp_path / "runs" / "x"
    (run / "checkpoints").mkdir(parents=True)
    (run / "recipe.yaml").touch()
    (tmp_path / "runs" / "mine").mkdir()
    write(run / "a.tfrecord", [example(png(99))])
    write(tmp_path / "runs" / "mine" / "a.tfrecord", [example(png(10))])
    images = read(data.tfrecord, GREY8, path=str(tmp_path / "runs" / "*" / "*.tfrecord"))
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [10])
    assert images.left_out[0].endswith(f"left out the run folder {run}, as output is no input")
    with pytest.raises(DataError, match=r"(?s)no TFRecord file at .*left out the run folder"):
        read(data.tfrecord, GREY8, path=str(tmp_path / "*" / "x" / "*.tfrecord"))
    # What is named itself is read.
    assert len(read(data.tfrecord, GREY8, path=str(run / "*.tfrecord"))) == 1
    assert len(read(data.tfrecord, GREY8, path=str(run))) == 1


def test_pipes_among_the_files_are_left_out(tmp_path, read):
    write(tmp_path / "a.tfrecord", [example(png(10))])
    os.mkfifo(tmp_path / "b.tfrecord")
    (tmp_path / "c.tfrecord").symlink_to("/dev/zero")
    images = read(data.tfrecord, GREY8, path=str(tmp_path))
    assert len(images) == 1
    assert [line.rpartition("/")[2] for line in images.left_out] == [
        "b.tfrecord: it is not a regular file",
        "c.tfrecord: it is not a regular file",
    ]
