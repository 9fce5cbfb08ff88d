"""How far loading of images is, told from inside a data source to whoever asked for the images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Report = Callable[[int, int], None]
"""Takes how many of how many are done."""

SILENT_SECONDS = 2.0
"""What takes no longer is not reported at all."""
EVERY_SECONDS = 0.25
"""The least time between two reports: reporting must cost nothing beside the work."""


@dataclass
class _Listener:
    report: Report
    next: float
    spoke: bool = False

    def take(self, done: int, total: int) -> None:
        now = time.monotonic()
        # The last report is never held back, or a bar would end short of its end.
        if now >= self.next or (self.spoke and done >= total):
            self.next = now + EVERY_SECONDS
            self.spoke = True
            self.report(done, total)


_listener: ContextVar[_Listener | None] = ContextVar("dcgan_kit_progress", default=None)


def report_progress(done: int, total: int) -> None:
    """Tell how many of how many images are read; a source of images may call it as often as it likes.

    Whoever listens hears nothing in the first two seconds, and four times a second at most from then on. Call it from
    the thread in which the source was called; without a listener it does nothing.
    """
    listener = _listener.get()
    if listener is not None:
        listener.take(done, total)


@contextmanager
def reporting_to(report: Report | None) -> Iterator[None]:
    """Let ``report`` hear what ``report_progress`` is told inside the block."""
    listener = None if report is None else _Listener(report, time.monotonic() + SILENT_SECONDS)
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
