"""Standard streams that end no work: what cannot be printed is dropped, and remembered.

A reader may go away, as `head` does; a disk may be full, a terminal's encoding small, a stream closed from the start.
None of these is a reason to lose a training. ``install`` sees to it once, for all that prints: commands, plugins,
warnings, progress bars.
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
"""What is said in ASCII where an encoding lacks these; all others are escaped."""
_ERRORS = "dcgan_kit.plain"
_GONE = frozenset({errno.EPIPE, errno.ECONNRESET})


class _Raw(io.FileIO):
    """A file descriptor to which writing never fails."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                written = super().write(left)
                if written is None:
                    # A reader that set the pipe to fail instead of waiting; whoever writes waits all the same.
                    select.select((), (self,), ())
            except (OSError, ValueError) as error:
                self.lost = self.lost or (error if isinstance(error, OSError) else OSError(errno.EBADF, str(error)))
                break
            left = left[written or 0 :]
        return size


class _Text(io.TextIOWrapper):
    """A text stream that a plugin cannot close for all others."""

    def close(self) -> None:
        self.flush()


def install() -> None:
    """Replace the standard streams of this process.

    Descriptors that are closed are opened on nothing: the next file to be opened would take their number, and what is
    printed would be written into it.
    """
    _open_closed()
    codecs.register_error(_ERRORS, _plain)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = _lasting(getattr(sys, name), descriptor)
        setattr(sys, name, stream)
        # What Python keeps under this name is the stream that may fail.
        setattr(sys, f"__{name}__", stream)


def lost_output() -> str:
    """Return why some of standard output could not be written; empty if all was, or if its reader had enough of it."""
    sys.stdout.flush()
    raw = getattr(sys.stdout, "raw", None)
    lost = raw.lost if isinstance(raw, _Raw) else None
    if lost is None or lost.errno in _GONE or sys.stdout.isatty():
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
            # No file at all: a program that runs the command has put its own there.
            return stream
        stream.flush()
    raw = _Raw(descriptor)
    # Standard error goes out at once; without a buffer, a signal may come while it is written.
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
    said = "".join(
        _PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode()
        for char in error.object[error.start : error.end]
    )
    return said, error.end
