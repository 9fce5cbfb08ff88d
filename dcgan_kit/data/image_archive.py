"""The images in a zip archive, which is never unpacked to disk: their names, and the members that are refused."""

from __future__ import annotations

import io
import re
import weakref
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from dcgan_kit.data.image_format import HEAD, claims_image, image_format
from dcgan_kit.data.left_out import HIDDEN, NO_IMAGE, REPLACED, UNREADABLE, LeftOut
from dcgan_kit.errors import DataError
from dcgan_kit.files import open_regular
from dcgan_kit.recipes.run_folders import RECIPE, is_run_folder

LARGEST_MEMBER = 64 * 2**20
"""Most bytes of one unpacked image. A small archive can claim any size."""
LARGEST_TOTAL = 256 * 2**30
"""Most bytes of all unpacked members. Members can share bytes, so they can be much larger than the archive."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Allowed compression methods. Python unpacks bzip2, LZMA and Zstandard without a limit."""
UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 0x1

Member = tuple[tuple[str, ...], zipfile.ZipInfo]


def open_archive(file: Path) -> zipfile.ZipFile:
    """Open a zip archive that is an ordinary file.

    Raises:
        DataError: the file cannot be opened, or is no zip archive.
    """
    try:
        stream = open_regular(file)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    try:
        archive = zipfile.ZipFile(stream)
    except Exception as error:
        # On a damaged directory, zipfile also raises errors of struct and other modules.
        stream.close()
        raise DataError(f"{file} is not a readable zip archive: it is cut off, damaged, or something else") from error
    # A ZipFile does not close a stream that the caller opened.
    weakref.finalize(archive, stream.close)
    return archive


class ArchiveMembers:
    """The content of a zip archive below one of its folders.

    Attributes:
        accepted: the images, sorted: the parts of each name below the folder, and the member.
        refused: members with the suffix of an image that are not read: the parts of the name, and the reason.
        left_out: the other members.
        is_run_folder: whether the folder itself is a run folder.
    """

    def __init__(self, file: Path, folder: str = "") -> None:
        self.archive = open_archive(file)
        self.left_out = LeftOut()
        self.accepted: list[Member] = []
        self.refused: list[tuple[tuple[str, ...], str]] = []
        top = PurePosixPath(folder.replace("\\", "/")).parts
        named = {}
        for info in self.archive.infolist():
            name = member_name(info)
            parts = PurePosixPath(name).parts
            if name.endswith("/") or not parts or parts[: len(top)] != top or len(parts) == len(top):
                continue
            if parts in named:
                # The last one stays, as if the archive were unpacked.
                self.left_out.add(REPLACED, name)
            named[parts] = info
        runs = _run_folders({parts[len(top) :] for parts in named})
        self.is_run_folder = () in runs
        for run in runs:
            self.left_out.add_run_folder("/".join(run))
        for parts, info in sorted(named.items(), key=lambda item: item[0]):
            below = parts[len(top) :]
            if not any(below[:depth] in runs for depth in range(len(below))):
                self._sort_out(parts, below, info)
        total = sum(info.file_size for info in named.values())
        if total > LARGEST_TOTAL:
            raise DataError(f"{file} would unpack to {total / 2**30:.0f} GiB. At most: {LARGEST_TOTAL / 2**30:.0f} GiB")

    def _sort_out(self, parts: tuple[str, ...], below: tuple[str, ...], info: zipfile.ZipInfo) -> None:
        name = parts[-1]
        if "__MACOSX" in below or any(part.startswith(".") and part != ".." for part in below):
            self.left_out.add(HIDDEN, name)
            return
        reason = _refusal(parts, info)
        if claims_image(name):
            if reason:
                self.refused.append((below, reason))
            else:
                self.accepted.append((below, info))
        elif reason:
            self.left_out.add(UNREADABLE, name)
        else:
            self._sort_out_by_content(below, info)

    def _sort_out_by_content(self, below: tuple[str, ...], info: zipfile.ZipInfo) -> None:
        try:
            with self.archive.open(info) as stream:
                image = image_format(stream.read(HEAD)) is not None
        except Exception:
            # On a damaged member, zipfile and zlib may raise any error.
            self.left_out.add(UNREADABLE, below[-1])
            return
        if image:
            self.accepted.append((below, info))
        else:
            self.left_out.add(NO_IMAGE, below[-1])

    def open(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """Return the content of a member, in memory.

        Raises:
            DataError: the member is damaged.
        """
        try:
            with self.archive.open(info) as stream:
                # read() without a size would unpack everything before it cuts to the size in the directory.
                return io.BytesIO(stream.read(info.file_size + 1))
        except zipfile.BadZipFile as error:
            raise DataError("the archive is damaged there: what it unpacks to is not what was packed") from error
        except (zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise DataError("the archive is damaged there: it cannot be unpacked") from error


def member_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name with '/' between folders; some Windows programs write backslashes.

    A name without the UTF-8 flag is in code page 437, but some programs write UTF-8 without the flag.
    """
    name = info.filename
    if not info.flag_bits & UTF8_FLAG and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


def _run_folders(names: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return the topmost run folders."""
    contents: dict[tuple[str, ...], set[str]] = {}
    for parts in names:
        if parts[-1] == RECIPE:
            contents[parts[:-1]] = set()
    if not contents:
        return set()
    for parts in names:
        for depth in range(len(parts)):
            if parts[:depth] in contents:
                contents[parts[:depth]].add(parts[depth])
    runs = {folder for folder, held in contents.items() if is_run_folder(held)}
    return {run for run in runs if not any(run[:depth] in runs for depth in range(len(run)))}


def unpacking_fault(info: zipfile.ZipInfo) -> str:
    """Return why a member must not be unpacked; empty if it may be."""
    if info.flag_bits & ENCRYPTED_FLAG:
        return "it is encrypted: make an archive without a password"
    if info.compress_type not in METHODS:
        return "it is packed by another method than deflate: make the archive again with deflate"
    return ""


def _refusal(parts: tuple[str, ...], info: zipfile.ZipInfo) -> str:
    """Return why a member of an archive is not read; empty if it is."""
    if parts[0].startswith("/") or ".." in parts or re.fullmatch(r"[A-Za-z]:", parts[0]):
        # No file is ever written under such a name, but an archive that has one is probably malicious.
        return "its name points outside the archive"
    fault = unpacking_fault(info)
    if fault:
        return fault
    if info.file_size > LARGEST_MEMBER:
        return f"{info.file_size / 2**20:.0f} MiB are more than an image may have ({LARGEST_MEMBER / 2**20:.0f} MiB)"
    return ""
