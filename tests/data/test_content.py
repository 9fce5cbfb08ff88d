"""What lies at a path is known before TensorFlow starts, and the component that reads it is named."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest

from dcgan_kit import DataError, require_ordinary_files, require_path
from dcgan_kit.data.content import reader_of


@pytest.fixture
def things(tmp_path):
    """A folder with one of everything that a component of kind ``data`` reads."""
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.save(tmp_path / "a.npy", np.zeros(3))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", b"x")
    (tmp_path / "zip.npz").write_bytes((tmp_path / "a.zip").read_bytes())
    (tmp_path / "plain").write_bytes((tmp_path / "a.npy").read_bytes())
    (tmp_path / "a.tfrecord").write_bytes(b"x")
    (tmp_path / "text").write_bytes(b"x")
    for folder, files in {
        "pictures": ["a.png"], "records": ["train.tfrecord-00000-of-00001"],
        "saved": ["dataset_info.json", "state.json"], "dict": ["dataset_dict.json"],
        "prepared": ["dataset_info.json", "features.json", "x.tfrecord-0"],
    }.items():  # fmt: skip
        (tmp_path / folder).mkdir()
        for name in files:
            (tmp_path / folder / name).touch()
    os.mkfifo(tmp_path / "pipe.npz")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a.npz", "npz"), ("a.npy", "npy"), ("a.zip", "image_zip"), ("zip.npz", "image_zip"), ("plain", "npy"),
        ("a.tfrecord", "tfrecord"), ("text", None), ("pictures", "images"), ("records", "tfrecord"),
        ("saved", "hugging_face"), ("dict", "hugging_face"), ("prepared", "tfds"), ("pipe.npz", None), ("nowhere", None),
    ],
)  # fmt: skip
def test_the_reader_is_known_by_content(things, name, reader):
    assert reader_of(things / name) == reader


@pytest.mark.parametrize(
    ("component", "name", "reported"),
    [
        ("images", "a.zip", "is a zip archive, which 'images' does not read: write data: {use: image_zip, path: "),
        ("images", "a.npz", "is an archive of NumPy arrays, .* write data: {use: npz, "),
        ("images", "a.npy", "is a NumPy array, .* write data: {use: npy, "),
        ("images", "a.tfrecord", "is TFRecord data, .* write data: {use: tfrecord, "),
        ("image_zip", "pictures", "is a folder, .* write data: {use: images, "),
        ("image_zip", "a.npz", "is an archive of NumPy arrays, .* write data: {use: npz, "),
        ("image_zip", "records", "is TFRecord data, .* write data: {use: tfrecord, "),
        ("npz", "a.npy", "is a NumPy array, .* write data: {use: npy, "),
        ("npz", "zip.npz", "is a zip archive, .* write data: {use: image_zip, "),
        ("npz", "prepared", "is a data set of TensorFlow Datasets, .* write data: {use: tfds, name: "),
        ("npy", "saved", "is a Hugging Face dataset, .* write data: {use: hugging_face, name: "),
        ("npz", "pipe.npz", "is not an ordinary file: give one"),
        ("images", "nowhere", "nowhere does not exist: give one"),
        ("npz", "text/a.npz", "does not exist: give one"),
        ("npz", "a\0b", "is not the name of a file: give one"),
    ],
)
def test_a_path_that_another_component_reads_is_refused_with_its_name(things, component, name, reported):
    with pytest.raises(DataError, match=reported):
        require_path(things / name, component, "give one")


@pytest.mark.parametrize(
    ("component", "name"),
    [
        ("images", "pictures"), ("images", "records"), ("images", "saved"), ("image_zip", "a.zip"), ("npz", "a.npz"),
        ("npy", "plain"), ("tfrecord", "text"), ("npz", "text"),
    ],
)  # fmt: skip
def test_what_may_serve_passes(things, component, name):
    require_path(things / name, component, "")


def test_a_folder_for_a_library_holds_ordinary_files(things):
    require_ordinary_files(things / "prepared")
    with pytest.raises(DataError, match=r"pipe.npz is not an ordinary file"):
        require_ordinary_files(things)
