"""How commands end at a stop signal. Training itself saves a checkpoint first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_kit.process.exit_codes import status_of
from dcgan_kit.process.stop_signals import Stopped, raised_signals
from dcgan_kit.terminal.console import note


@contextmanager
def stoppable(
    message: str = "stopped by {} before training began; nothing is lost: give the same command again",
) -> Iterator[None]:
    """End the process cleanly at a stop signal.

    The signal can come at any time: each file of a run is either complete or does not exist.

    Args:
        message: the line to print, with ``{}`` for the signal.
    """
    try:
        with raised_signals():
            yield
    except Stopped as stopped:
        note(message.format(stopped))
        sys.exit(status_of(stopped.signal))
