"""How commands end when a signal asks them to stop; training itself stops at a checkpoint."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_kit.cli.exit_codes import INTERRUPTED, PREEMPTED
from dcgan_kit.process.stop_signals import Stopped, raised_signals
from dcgan_kit.terminal.console import note


def status_of(number: int) -> int:
    """Return the exit status of a command that a signal stopped without loss."""
    return INTERRUPTED if number == signal.SIGINT else PREEMPTED


@contextmanager
def stoppable(
    told: str = "stopped by {} before training began; nothing is lost: give the same command again",
) -> Iterator[None]:
    """End the process in order at signals that ask it to stop.

    Files of a run are there whole or not at all, whenever that is.

    Args:
        told: the line for people, with ``{}`` for the signal.
    """
    try:
        with raised_signals():
            yield
    except Stopped as stopped:
        note(told.format(stopped))
        sys.exit(status_of(stopped.signal))
