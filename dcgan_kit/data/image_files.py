"""The image files of a folder or of a zip archive, found and not yet read."""

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
"""Bytes of one file: as many as the largest image has at 8 bytes a pixel, unpacked."""
INSIDE = (
    "is a run folder, and output is no input: give the folder of the images, or name a folder inside the run folder"
)


@dataclass(frozen=True)
class ImageFiles:
    """Image files, unread.

    Attributes:
        source: what messages call them.
        paths: of each the folders that it lies in, from the top, and its name; sorted.
        open: takes a number and returns a stream of that file; raises DataError or OSError where that cannot be.
        broken: a line for each that is known to be unreadable, and is not among ``paths``.
        left_out: a line for each reason why something else that lies there is no image, with its number.
    """

    source: str
    paths: Sequence[tuple[str, ...]]
    open: Callable[[int], IO[bytes]]
    broken: tuple[str, ...]
    left_out: tuple[str, ...]

    def name(self, number: int) -> str:
        """What messages call one of them."""
        return f"{self.source}/{'/'.join(self.paths[number])}"


def image_folder(root: Path) -> ImageFiles:
    """Find the images below a folder, by their content or, where that is unreadable, by their names.

    Links are followed, each folder is entered once. Run folders are left out, and names that begin with a dot.

    Raises:
        DataError: it is a run folder itself.
    """
    if is_run_folder(_names(root)):
        raise DataError(f"{root} {INSIDE}")
    left_out = LeftOut()
    broken: list[str] = []
    files = sorted(_files(str(root), left_out, broken), key=lambda file: file.split(os.sep))
    prefix = len(os.path.join(str(root), ""))
    paths = [tuple(file[prefix:].split(os.sep)) for file in files]
    return ImageFiles(
        str(root), paths, lambda number: open_image_file(files[number]), tuple(broken), left_out.lines(str(root))
    )


def image_archive(file: Path, folder: str = "") -> ImageFiles:
    """Find the images of a zip archive, below one of its folders, as ``image_folder`` finds those of a folder.

    The archive stays open as long as what is returned is used.

    Raises:
        DataError: it is no readable archive, would unpack to too much, or the folder in it is a run folder.
    """
    members = ArchiveMembers(file, folder)
    if members.is_run_folder:
        where = f"folder {folder!r} of {file}" if folder else str(file)
        raise DataError(f"{where} {INSIDE}")
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
        # What cannot be listed is told by the walk.
        return []


def _files(root: str, left_out: LeftOut, broken: list[str]) -> Iterator[str]:
    """Yield the images below a folder, in no order."""
    todo, seen = [root], set()
    while todo:
        folder = todo.pop()
        # A link may lead to a folder above or beside it: each real folder is entered once.
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
                # A pipe would be waited for, a device has no end.
                left_out.add(NOT_ORDINARY, entry.name)
            elif claims_image(entry.name) or _begins_like_an_image(entry.path, left_out):
                yield entry.path


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError:
        # A link that leads to itself.
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
    """Open an ordinary file that an image may be in.

    Raises:
        DataError: it is larger than any image.
        OSError: it cannot be opened; ``strerror`` says why.
    """
    stream = open_regular(file)
    size = os.fstat(stream.fileno()).st_size
    if size > LARGEST_FILE:
        stream.close()
        raise DataError(f"{size / 2**20:,.0f} MiB are more than an image may have ({LARGEST_FILE // 2**20} MiB)")
    return stream
