"""How commands end when a signal asks them to stop; training itself stops at a checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_kit.process.exit_codes import status_of
from dcgan_kit.process.stop_signals import Stopped, raised_signals
from dcgan_kit.terminal.console import note


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
