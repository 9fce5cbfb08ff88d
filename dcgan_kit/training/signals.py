"""Signals that ask a training to stop: taken down, and heeded where it can stop without loss."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def collected_signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGINT and SIGTERM instead of dying, so that the group of steps and a checkpoint can be finished."""
    received: list[signal.Signals] = []

    def take(number: int, _: Any) -> None:
        if received and number == signal.SIGINT:
            # A second Ctrl-C means it; the last checkpoint stands.
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    handlers: dict[signal.Signals, Callable[..., Any] | int | None] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handlers[number] = signal.signal(number, take)
    except ValueError:
        # Signals can only be taken in the main thread; in another one whoever started it stops it.
        handlers = {}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
