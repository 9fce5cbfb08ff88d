"""Files that nobody vouches for: read only if they are ordinary and not too large, replaced only by whole ones.

A run folder and a data path are untrusted. A name in them may be a pipe, which is waited for without end, a device,
which has no end, or a link to either; and a device that is replaced by a file is lost to the whole machine.
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
"""Ends the name of a file that is being written; one that is met later belonged to a process that was killed."""


def open_regular(path: str | os.PathLike[str], *, follow_links: bool = True) -> BinaryIO:
    """Open an ordinary file for reading, without waiting for a pipe or starting to read a device.

    Args:
        path: the file.
        follow_links: whether it may be a link; in a run folder, which may be a stranger's, it may not.

    Returns:
        A buffered binary stream, to be closed by the caller.

    Raises:
        OSError: there is none, it may not be read, or it is no ordinary file; ``strerror`` says which.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:
        # A name with a NUL in it.
        raise OSError(errno.EINVAL, "is no name of a file", os.fspath(path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP and not follow_links:
            raise OSError(errno.ELOOP, "is a link", os.fspath(path)) from error
        if error.errno == errno.ENXIO:
            # A socket.
            raise OSError(errno.EINVAL, "is no ordinary file", os.fspath(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no ordinary file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], most: int, *, follow_links: bool = True) -> bytes:
    """Return the content of an ordinary file of at most ``most`` bytes; see ``open_regular``.

    Raises:
        OSError: it cannot be opened, or is larger; ``strerror`` says which.
    """
    with open_regular(path, follow_links=follow_links) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {_size(most)}", os.fspath(path))
    return content


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something has that name, if only a link that leads nowhere.

    Raises:
        OSError: the system does not say: the name is too long, or a folder above may not be searched.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        raise OSError(errno.EINVAL, "is no name of a file", os.fspath(path)) from error
    return True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream to a temporary file, which takes the name ``path`` once the body is through and all is on disk.

    Folders above it are made. Where something has that name already, it must be an ordinary file.

    Raises:
        OSError: the disk is full, the folder cannot be written, or the name belongs to a folder, a link, a pipe or a
            device; ``strerror`` says which. The file of that name is then as it was.
    """
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name has at most 255 bytes, and the temporary one is longer.
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
    """Write a file so that it is there whole or not at all; see ``replacing`` for what it raises."""
    with replacing(path) as stream:
        stream.write(content)


def write_output(path: Path, content: bytes) -> None:
    """Write a file that the user named, whole or not at all; of a link, the file that it leads to.

    Raises:
        OSError: see ``replacing``; a device and what a link to one names are refused.
    """
    try:
        real = Path(os.path.realpath(path))
    except ValueError as error:
        raise OSError(errno.EINVAL, "is no name of a file", os.fspath(path)) from error
    write_whole(real, content)


def append_regular(path: Path, content: bytes) -> None:
    """Write at the end of an ordinary file that is no link; where there is none, it is made.

    Raises:
        OSError: the disk is full, or the name belongs to a folder, a link, a pipe or a device; ``strerror`` says which.
    """
    require_replaceable(path)
    # What took the name since then is not written to either.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags, 0o666), "ab") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no ordinary file", os.fspath(path))
        stream.write(content)


def require_replaceable(path: Path) -> None:
    """Refuse a name that belongs to something else than an ordinary file.

    Raises:
        OSError: ``strerror`` says what it belongs to.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except ValueError as error:
        raise OSError(errno.EINVAL, "is no name of a file", os.fspath(path)) from error
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "is a folder", os.fspath(path))
    if not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "no ordinary file"
        raise OSError(errno.EEXIST, f"is {what}, which is not replaced", os.fspath(path))


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count} bytes"
