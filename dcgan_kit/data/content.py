"""Detect by content, without TensorFlow, which component of kind ``data`` reads the files at a path."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from dcgan_kit.errors import DataError
from dcgan_kit.files import open_regular

NUMPY_MARK = b"\x93NUMPY"
_CONTENTS = {
    "images": "a folder",
    "image_zip": "a zip archive",
    "npz": "an archive of NumPy arrays",
    "npy": "a NumPy array",
    "tfrecord": "TFRecord data",
    "tfds": "a data set of TensorFlow Datasets",
    "hugging_face": "a Hugging Face dataset",
}
READ_BY_NAME = frozenset(("tfds", "hugging_face"))
"""Components whose option ``name`` takes a path; that of the others is ``path``."""
LABEL_FILES = frozenset(("npy",))
"""Components whose option ``labels`` takes a path too."""


def reader_of(path: Path) -> str | None:
    """Return the name of the built-in component that reads a path; None if there is none or the path does not exist."""
    if path.is_dir():
        return _reader_of_folder(path)
    try:
        with open_regular(path) as stream:
            head = stream.read(len(NUMPY_MARK))
            if head.startswith(NUMPY_MARK):
                return "npy"
            if zipfile.is_zipfile(stream):
                with zipfile.ZipFile(stream) as archive:
                    names = archive.namelist()
                arrays = sum(name.endswith(".npy") for name in names)
                # If the archive has arrays and other files, the user may mean either component.
                return "image_zip" if not arrays else "npz" if arrays == len(names) else None
    except Exception:
        # The file cannot be opened. On a damaged archive, zipfile may raise any error.
        return None
    return "tfrecord" if "tfrecord" in path.name else None


def _reader_of_folder(path: Path) -> str | None:
    try:
        names = os.listdir(path)
    except OSError:
        return None
    if "dataset_info.json" in names and "features.json" in names:
        return "tfds"
    if "dataset_dict.json" in names or {"dataset_info.json", "state.json"} <= set(names):
        return "hugging_face"
    if any("tfrecord" in name for name in names):
        return "tfrecord"
    return "images"


def require_path(path: Path, component: str, wanted: str) -> None:
    """Raise an error if a path does not exist, or if another component reads it. The images are not read.

    Args:
        path: where the images should be.
        component: name of the built-in component that should read them.
        wanted: what the user should put there, for the message.

    Raises:
        DataError: the message says what is at the path, and what to put there or which component to use.
    """
    try:
        path.stat()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise DataError(f"{path}{' does not exist' if missing else f': {error.strerror}'}: {wanted}") from error
    except ValueError as error:
        raise DataError(f"{str(path)!r} is not the name of a file: {wanted}") from error
    found = reader_of(path)
    if found is None and not path.is_dir() and not path.is_file():
        raise DataError(f"{path} is not an ordinary file: {wanted}")
    if found is not None and not _reads(component, found, path):
        raise DataError(
            f"{path} is {_CONTENTS[found]}, which {component!r} does not read: "
            f"write data: {{use: {found}, {'name' if found in READ_BY_NAME else 'path'}: {path}}}"
        )


def require_ordinary_files(folder: Path) -> None:
    """Raise an error if a folder contains a pipe, a device, or a link to either.

    Call it before a library opens all files of a folder.

    Raises:
        DataError: the folder contains one.
    """
    for below, _, names in os.walk(folder):
        for file in (os.path.join(below, name) for name in names):
            if not os.path.isfile(file):
                raise DataError(f"{file} is not an ordinary file: remove it, or write the data set again")


def _reads(component: str, found: str, path: Path) -> bool:
    if component == "images":
        # A folder may contain images whatever else is in it.
        return path.is_dir()
    if component == "tfrecord":
        # The name of a TFRecord file need not contain "tfrecord".
        return found == "tfrecord" or (path.is_file() and found not in ("npy", "npz", "image_zip"))
    return component == found
