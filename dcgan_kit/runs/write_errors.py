"""Errors of writing files, as messages that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_kit.errors import RunError, UserError
from dcgan_kit.files import write_output


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` in the body into a message that says what to do.

    Raises:
        RunError: the body raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: cannot be written: {reason}. Files that were written before are intact. Free space on the disk "
            "or allow writing there, and give the same command again"
        ) from error


@contextmanager
def writing_requested(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` in the body into a message: another file helps, unless the disk is full.

    Raises:
        RunError: the body raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with writing(path):
                raise
        raise RunError(
            f"{path}: cannot be written: {error.strerror or error}. Choose another file, or allow writing there"
        ) from error


def write_requested_file(path: Path, content: bytes) -> None:
    """Write a file that an option of a command names.

    Raises:
        RunError: it cannot be written, or is not an ordinary file.
    """
    with writing_requested(path):
        write_output(path, content)


def require_not_read(output: Path, source: Path) -> None:
    """Check that a file to write is not the file that a command reads, also by another name or through a link.

    Raises:
        UserError: it is.
    """
    try:
        same = os.path.samefile(output, source)
    except (OSError, ValueError):
        # One of them does not exist.
        return
    if same:
        raise UserError(f"{output}: is what is read, and would be replaced. Choose another file")
