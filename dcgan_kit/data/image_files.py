"""Find the image files of a folder or of a zip archive, without reading their pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from dcgan_kit.data.image_archive import ArchiveMembers
from dcgan_kit.data.image_format import HEAD, claims_image, image_format
from dcgan_kit.data.left_out import HIDDEN, NO_IMAGE, NOT_ORDINARY, UNREADABLE, LeftOut
from dcgan_kit.errors import DataError
from dcgan_kit.files import open_regular
from dcgan_kit.recipes.run_folders import is_run_folder

LARGEST_FILE = 512 * 2**20
"""Most bytes of one file: the size of the largest image at 8 bytes per pixel, uncompressed."""
RUN_FOLDER_REFUSED = (
    "is a run folder, which holds output of training: "
    "give the folder of the images, or name a folder inside the run folder"
)


@dataclass(frozen=True)
class ImageFiles:
    """Image files that were found but not yet read.

    Attributes:
        source: their name in messages.
        paths: for each file, its folders from the top, and its file name; sorted.
        open: takes the number of a file and returns a stream; raises DataError or OSError if it cannot be opened.
        broken: a line for each file that is known to be unreadable; these are not in ``paths``.
        left_out: a line for each reason why other files are left out, with their number.
    """

    source: str
    paths: Sequence[tuple[str, ...]]
    open: Callable[[int], IO[bytes]]
    broken: tuple[str, ...]
    left_out: tuple[str, ...]

    def name(self, number: int) -> str:
        """Return the name of one file in messages."""
        return f"{self.source}/{'/'.join(self.paths[number])}"


def image_folder(root: Path) -> ImageFiles:
    """Find the images below a folder, by the suffixes of their names or by their content.

    Links are followed, but each folder is entered only once. Run folders and names that begin with a dot are left out.

    Raises:
        DataError: the folder itself is a run folder.
    """
    if is_run_folder(_names(root)):
        raise DataError(f"{root} {RUN_FOLDER_REFUSED}")
    left_out = LeftOut()
    broken: list[str] = []
    files = sorted(_files(str(root), left_out, broken), key=lambda file: file.split(os.sep))
    prefix = len(os.path.join(str(root), ""))
    paths = [tuple(file[prefix:].split(os.sep)) for file in files]
    return ImageFiles(
        str(root), paths, lambda number: open_image_file(files[number]), tuple(broken), left_out.lines(str(root))
    )


def image_archive(file: Path, folder: str = "") -> ImageFiles:
    """Find the images below one folder of a zip archive, in the same way as ``image_folder``.

    The archive stays open as long as the result is in use.

    Raises:
        DataError: the archive cannot be read, would be too large unpacked, or its folder is a run folder.
    """
    members = ArchiveMembers(file, folder)
    if members.is_run_folder:
        where = f"folder {folder!r} of {file}" if folder else str(file)
        raise DataError(f"{where} {RUN_FOLDER_REFUSED}")
    opened = [partial(members.open, info) for _, info in members.accepted]
    return ImageFiles(
        str(file), [path for path, _ in members.accepted], lambda number: opened[number](),
        tuple(f"{file}/{'/'.join(path)}: {reason}" for path, reason in members.refused),
        members.left_out.lines(str(file)),
    )  # fmt: skip


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        # The walk in _files reports a folder that cannot be listed.
        return []


def _files(root: str, left_out: LeftOut, broken: list[str]) -> Iterator[str]:
    """Yield the images below a folder, in arbitrary order."""
    todo, seen = [root], set()
    while todo:
        folder = todo.pop()
        # A link may lead to a folder above or beside it, so each real folder is entered only once.
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            broken.append(f"{folder}: {error.strerror or error}")
            continue
        if folder != root and is_run_folder({entry.name for entry in entries}):
            left_out.add_run_folder(os.path.relpath(folder, root))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                left_out.add(HIDDEN, entry.name)
            elif _is(entry.is_dir):
                todo.append(entry.path)
            elif not _is(entry.is_file):
                # Reading a pipe would wait forever, and a device has no end.
                left_out.add(NOT_ORDINARY, entry.name)
            elif claims_image(entry.name) or _begins_like_an_image(entry.path, left_out):
                yield entry.path


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:
        # The entry is a link to itself.
        return False


def _begins_like_an_image(file: str, left_out: LeftOut) -> bool:
    try:
        with open_regular(file) as stream:
            image = image_format(stream.read(HEAD)) is not None
    except OSError:
        left_out.add(UNREADABLE, file)
        return False
    if not image:
        left_out.add(NO_IMAGE, file)
    return image


def open_image_file(file: str | os.PathLike[str]) -> IO[bytes]:
    """Open an ordinary file that may be an image.

    Raises:
        DataError: the file is larger than any image may be.
        OSError: the file cannot be opened; ``strerror`` says why.
    """
    stream = open_regular(file)
    size = os.fstat(stream.fileno()).st_size
    if size > LARGEST_FILE:
        stream.close()
        raise DataError(f"{size / 2**20:,.0f} MiB are more than an image may have ({LARGEST_FILE // 2**20} MiB)")
    return stream
