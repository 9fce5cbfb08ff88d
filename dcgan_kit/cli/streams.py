"""Standard streams that never stop the program: output that cannot be written is dropped, and the error is kept.

A reader can close the pipe (as `head` does), a disk can be full, an encoding can lack characters, or a stream can be
closed from the start. None of these should stop training. Call ``install`` once; it covers commands, plugins, warnings
and progress bars.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_PLAIN = {"…": "...", "→": "->", "×": "x", "·": "*", "²": "^2", "≤": "<=", "≥": ">=", "–": "-", "’": "'"}
"""ASCII replacements for characters that an encoding lacks; all other characters are escaped."""
_ERRORS = "dcgan_kit.plain"
_READER_CLOSED = frozenset({errno.EPIPE, errno.ECONNRESET})


class _Raw(io.FileIO):
    """A file descriptor whose ``write`` never raises an error."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        remaining = memoryview(data).cast("B")
        size = len(remaining)
        while remaining:
            try:
                written = super().write(remaining)
                if written is None:
                    # The pipe is non-blocking and full: wait until it can be written.
                    select.select((), (self,), ())
            except (OSError, ValueError) as error:
                self.lost = self.lost or (error if isinstance(error, OSError) else OSError(errno.EBADF, str(error)))
                break
            remaining = remaining[written or 0 :]
        return size


class _Text(io.TextIOWrapper):
    """A text stream that plugins cannot close."""

    def close(self) -> None:
        self.flush()


def install() -> None:
    """Replace the standard streams of this process.

    Closed descriptors are opened on the null device. Otherwise the next file that is opened would get their number, and
    printed text would go into that file.
    """
    _open_closed()
    codecs.register_error(_ERRORS, _plain)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = _lasting(getattr(sys, name), descriptor)
        setattr(sys, name, stream)
        # Python keeps the original stream, which can fail, under this name.
        setattr(sys, f"__{name}__", stream)


def lost_output() -> str:
    """Return why standard output is incomplete; empty if it is complete, or if the reader closed the pipe."""
    sys.stdout.flush()
    raw = getattr(sys.stdout, "raw", None)
    lost = raw.lost if isinstance(raw, _Raw) else None
    if lost is None or lost.errno in _READER_CLOSED or sys.stdout.isatty():
        return ""
    return lost.strerror or str(lost)


def _open_closed() -> None:
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)


def _lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is not None:
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):
            # The stream is no file: a program that calls this command has set its own stream.
            return stream
        stream.flush()
    raw = _Raw(descriptor)
    # Standard error is unbuffered, so text appears at once, and a signal during a write does no harm.
    buffer: Any = raw if descriptor == 2 else io.BufferedWriter(raw)
    lasting = _Text(
        buffer,
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=_ERRORS,
        line_buffering=raw.isatty() or descriptor == 2,
        write_through=descriptor == 2 or bool(getattr(stream, "write_through", False)),
    )
    lasting.raw = raw  # type: ignore[attr-defined]
    return lasting


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    replacement = "".join(
        _PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode()
        for char in error.object[error.start : error.end]
    )
    return replacement, error.end
