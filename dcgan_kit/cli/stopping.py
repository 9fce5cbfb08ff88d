"""How commands that train end when they are asked to stop before training began."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_kit.cli.console import note
from dcgan_kit.cli.status import INTERRUPTED, PREEMPTED
from dcgan_kit.training.signals import Stopped, raised_signals


def status_of(number: int) -> int:
    """Return the exit status of a command that a signal stopped without loss."""
    return INTERRUPTED if number == signal.SIGINT else PREEMPTED


@contextmanager
def stoppable() -> Iterator[None]:
    """End the process in order at SIGINT and SIGTERM.

    Files of a run are there whole or not at all, whenever that is.
    """
    try:
        with raised_signals():
            yield
    except Stopped as stopped:
        note(f"stopped by {stopped} before training began; nothing is lost: give the same command again")
        sys.exit(status_of(stopped.signal))
