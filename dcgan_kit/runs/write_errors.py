"""Errors of writing files, as messages that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan_kit.errors import RunError
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


def write_requested_file(path: Path, content: bytes) -> None:
    """Write a file that an option of a command names.

    Raises:
        RunError: it cannot be written, or is not an ordinary file.
    """
    with writing(path):
        write_output(path, content)
