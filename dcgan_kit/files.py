"""Safe reading and writing of files in untrusted folders.

Run folders and data paths are untrusted. A name in them may be a pipe, which blocks a reader forever, a device, which
has no end, or a link to either. A device that is replaced by a file is lost to the whole machine. So these functions
read only ordinary files of limited size, and replace a file only by a complete one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"
"""Suffix of a file that is being written. If such a file remains, the process that wrote it was killed."""


def open_regular(path: str | os.PathLike[str], *, follow_links: bool = True) -> BinaryIO:
    """Open an ordinary file for reading. It never waits for a pipe and never reads from a device.

    Args:
        path: the file.
        follow_links: whether the file may be a link. Use False in a run folder, which may be untrusted.

    Returns:
        A buffered binary stream, which the caller must close.

    Raises:
        OSError: the file does not exist, may not be read, or is not a regular file; ``strerror`` says which.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:
        # The name contains a NUL character.
        raise OSError(errno.EINVAL, "is not a file name", os.fspath(path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP and not follow_links:
            raise OSError(errno.ELOOP, "is a link", os.fspath(path)) from error
        if error.errno == errno.ENXIO:
            # The file is a socket.
            raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], most: int, *, follow_links: bool = True) -> bytes:
    """Return the content of an ordinary file of at most ``most`` bytes; see ``open_regular``.

    Raises:
        OSError: the file cannot be opened, or is larger; ``strerror`` says which.
    """
    with open_regular(path, follow_links=follow_links) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {_size(most)}", os.fspath(path))
    return content


def is_there(path: str | os.PathLike[str]) -> bool:
    """Return whether the path exists. A broken link counts as existing.

    Raises:
        OSError: the system cannot say, because the name is too long or a folder above may not be searched.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        raise OSError(errno.EINVAL, "is not a file name", os.fspath(path)) from error
    return True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream to a temporary file, and rename the file to ``path`` when the body ends and all is on disk.

    It creates missing folders above ``path``. If ``path`` exists, it must be an ordinary file.

    Raises:
        OSError: the disk is full, the folder cannot be written, or ``path`` is a folder, a link, a pipe or a device;
            ``strerror`` says which. An existing file then stays as it was.
    """
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name has at most 255 bytes, and the temporary name adds characters.
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all. It raises the errors of ``replacing``."""
    with replacing(path) as stream:
        stream.write(content)


def write_output(path: Path, content: bytes) -> None:
    """Write a file that the user named, completely or not at all. If it is a link, write the link's target.

    Raises:
        OSError: see ``replacing``; a device, or a link to a device, is refused.
    """
    try:
        real = Path(os.path.realpath(path))
    except ValueError as error:
        raise OSError(errno.EINVAL, "is not a file name", os.fspath(path)) from error
    write_whole(real, content)


def append_regular(path: Path, content: bytes) -> None:
    """Append to an ordinary file that is no link, or create the file.

    Raises:
        OSError: the disk is full, or the path is a folder, a link, a pipe or a device; ``strerror`` says which.
    """
    require_replaceable(path)
    # The flags and the check below also refuse a link, pipe or device that took the name after the first check.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags, 0o666), "ab") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
        stream.write(content)


def require_replaceable(path: Path) -> None:
    """Raise an error if a path exists and is not an ordinary file.

    Raises:
        OSError: ``strerror`` says what the path is.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except ValueError as error:
        raise OSError(errno.EINVAL, "is not a file name", os.fspath(path)) from error
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "is a folder", os.fspath(path))
    if not stat.S_ISREG(mode):
        kind = "a link" if stat.S_ISLNK(mode) else "not a regular file"
        raise OSError(errno.EEXIST, f"is {kind}, and is not replaced", os.fspath(path))


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count} bytes"
