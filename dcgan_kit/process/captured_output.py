"""Captures what libraries write to standard output and standard error, also from C++."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from typing import IO


@dataclass
class CapturedOutput:
    """The captured text; complete when the body of ``captured_output`` has ended."""

    text: str = ""


def _open_descriptors() -> Iterator[tuple[int, int]]:
    """Yield the descriptors of both streams with a copy of each; whoever starts a program may have closed them."""
    for number in (1, 2):
        with suppress(OSError):
            yield number, os.dup(number)


@contextmanager
def _logged_to(stream: IO[str]) -> Iterator[None]:
    """Send what libraries log to a stream, and nowhere else.

    Without a handler, a first ``logging.error`` would make one that keeps the stream, which is closed later.
    """
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [logging.StreamHandler(stream)]
    try:
        yield
    finally:
        root.handlers = handlers


@contextmanager
def captured_output() -> Iterator[CapturedOutput]:
    """Capture both streams of this process during the body, and hide warnings.

    C++ code writes to the file descriptors, and Python code to ``sys.stdout`` and ``sys.stderr``.
    """
    captured = CapturedOutput()
    for stream in (sys.stdout, sys.stderr):
        # Python has no stream if whoever started it closed the descriptor.
        if stream is not None and not stream.closed:
            stream.flush()
    saved = dict(_open_descriptors())
    with tempfile.TemporaryFile() as scratch, open(os.dup(scratch.fileno()), "w", errors="replace") as text:
        try:
            for number in saved:
                os.dup2(scratch.fileno(), number)
            with redirect_stdout(text), redirect_stderr(text), _logged_to(text), warnings.catch_warnings():
                # They are about other people's code. A user who turns warnings into errors does not mean them.
                warnings.simplefilter("ignore")
                yield captured
        finally:
            text.flush()
            for number, copy in saved.items():
                os.dup2(copy, number)
                os.close(copy)
            scratch.seek(0)
            captured.text = scratch.read().decode(errors="replace").strip()
