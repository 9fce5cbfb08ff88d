"""Finding the images of a folder or of a zip archive, which is never unpacked, and the classes they lie in."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from dcgan_kit_plugins._collecting import Entry, Source
from dcgan_kit_plugins._decoding import SUFFIXES
from dcgan_kit_plugins._pixel_cache import file_facts

from dcgan_kit import DataError

LARGEST_MEMBER = 64 * 2**20
"""Bytes that one image of an archive may have unpacked: a small archive can claim any size."""
LARGEST_TOTAL = 256 * 2**30
"""Bytes that all of them may have: members of an archive may share their bytes, and so be more than the archive."""


def folder_source(root: Path) -> Source:
    """Return every image below a folder, sorted.

    Raises:
        DataError: no such folder, or no image in it.
    """
    if not root.is_dir():
        there = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {there}: give a folder of images ({', '.join(SUFFIXES)}), with or without sub-folders")
    files, unreadable = _image_files(str(root))
    if not files:
        raise DataError(f"no image in {root}: put files into it that end in {', '.join(SUFFIXES)}")
    labels = class_labels([os.path.relpath(file, root).split(os.sep) for file in files])

    def entries() -> Iterator[Entry | str]:
        yield from unreadable
        for number, file in enumerate(files):
            yield Entry(file, partial(open, file, "rb"), None if labels is None else int(labels[number]))

    return Source(
        str(root), len(files) + len(unreadable), entries, lambda: ["folder", file_facts(files)], labels is not None
    )


def _image_files(root: str) -> tuple[list[str], list[str]]:
    """Return the image files below a folder, sorted, and what could not be looked into."""
    files: list[str] = []
    unreadable: list[str] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=lambda e: unreadable.append(str(e))):
        # A link may lead to a folder above or beside it: each real folder is entered once.
        if os.path.realpath(folder) in seen:
            subfolders.clear()
            continue
        seen.add(os.path.realpath(folder))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            file = os.path.join(folder, name)
            # isfile also keeps out pipes, which would block for ever, and links that lead to themselves.
            if not name.startswith(".") and name.lower().endswith(SUFFIXES) and os.path.isfile(file):
                files.append(file)
    return sorted(files, key=lambda file: file.split(os.sep)), unreadable


def class_labels(paths: Sequence[Sequence[str]]) -> np.ndarray | None:
    """Return the number of each path's top folder; None unless all lie in folders, and those are two or more.

    Broken images count too, so that the number of a class does not depend on them.
    """
    folders = [path[0] for path in paths if len(path) > 1]
    if len(folders) < len(paths) or len(set(folders)) < 2:
        return None
    return np.unique(folders, return_inverse=True)[1]


def zip_source(file: Path, folder: str) -> Source:
    """Return every image in a zip archive below one of its folders, sorted.

    Raises:
        DataError: no such file, no zip archive, or no image in it.
    """
    if not file.is_file():
        there = "is not a file" if file.exists() else "does not exist"
        raise DataError(f"{file} {there}: give a zip archive of images ({', '.join(SUFFIXES)})")
    try:
        archive = zipfile.ZipFile(file)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    except Exception as error:  # A damaged directory makes zipfile raise struct's and others' errors too.
        raise DataError(f"{file} is not a readable zip archive ({error}): get it once more") from error
    top = PurePosixPath(folder).parts
    members = [(PurePosixPath(info.filename).parts, info) for info in archive.infolist() if _is_image(info.filename)]
    members = sorted(
        ((parts[len(top) :], info) for parts, info in members if parts[: len(top)] == top), key=lambda item: item[0]
    )
    if not members:
        where = f"folder {folder!r} of {file}" if top else str(file)
        raise DataError(f"no image in {where}: it must hold files that end in {', '.join(SUFFIXES)}")
    total = sum(info.file_size for _, info in members)
    if total > LARGEST_TOTAL:
        raise DataError(f"{file} would unpack to {total / 2**30:.0f} GiB. At most: {LARGEST_TOTAL / 2**30:.0f} GiB")
    refused = [f"{file}/{info.filename}: {_refusal(info)}" for _, info in members if _refusal(info)]
    accepted = [(parts, info) for parts, info in members if not _refusal(info)]
    labels = class_labels([parts for parts, _ in accepted])

    def entries() -> Iterator[Entry | str]:
        yield from refused
        for number, (_, info) in enumerate(accepted):
            label = None if labels is None else int(labels[number])
            yield Entry(f"{file}/{info.filename}", partial(_member, archive, info), label)

    return Source(str(file), len(members), entries, lambda: ["zip", folder, file_facts([file])], labels is not None)


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") and part != ".." for part in path.parts) or "__MACOSX" in path.parts
    return not name.endswith("/") and not hidden and path.suffix.lower() in SUFFIXES


def _refusal(info: zipfile.ZipInfo) -> str:
    """Return why a member of an archive is not read; empty if it is."""
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename or path.parts[0].endswith(":"):
        # Nothing is ever written under such a name; an archive that has one was made to do harm.
        return "its name leads out of the archive"
    if info.flag_bits & 0x1:
        return "it is encrypted: make an archive without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python's bzip2 and LZMA readers unpack without a limit.
        return "it is packed by another method than deflate: make the archive anew with deflate"
    if info.file_size > LARGEST_MEMBER:
        return f"{info.file_size / 2**20:.0f} MiB are more than an image may have ({LARGEST_MEMBER / 2**20:.0f} MiB)"
    return ""


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    with archive.open(info) as stream:
        # A bare read() would unpack all there is before it cuts that to the size which the directory gives.
        return io.BytesIO(stream.read(info.file_size + 1))
