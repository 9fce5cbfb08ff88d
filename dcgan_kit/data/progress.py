"""Report the progress of loading from inside a data component to the caller that loads the images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Report = Callable[[int, int], None]
"""A function of (done, total)."""

SILENT_SECONDS = 2.0
"""Work that takes no longer is not reported."""
EVERY_SECONDS = 0.25
"""Least time between two reports, so that reporting costs almost nothing."""


@dataclass
class _Listener:
    report: Report
    next: float
    reported: bool = False

    def take(self, done: int, total: int) -> None:
        now = time.monotonic()
        # Always pass on the last report, or a progress bar would stop before its end.
        if now >= self.next or (self.reported and done >= total):
            self.next = now + EVERY_SECONDS
            self.reported = True
            self.report(done, total)


_listener: ContextVar[_Listener | None] = ContextVar("dcgan_kit_progress", default=None)


def report_progress(done: int, total: int) -> None:
    """Report how many of how many images are read. A data component may call it as often as it likes.

    Reports of the first two seconds are dropped. After that, at most four reports per second are passed on. Call it
    from the thread in which the component's factory was called. Without a listener, it does nothing.
    """
    listener = _listener.get()
    if listener is not None:
        listener.take(done, total)


@contextmanager
def reporting_to(report: Report | None) -> Iterator[None]:
    """Pass the reports of ``report_progress`` inside the block on to ``report``."""
    listener = None if report is None else _Listener(report, time.monotonic() + SILENT_SECONDS)
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
