"""Exit statuses of the command line; 0 is done, and 1, Python's own, a fault of dcgan-kit."""

import os
import signal

WRONG_INPUT = 2
"""The user's input is wrong; the problems are on standard error."""
UNWRITTEN = os.EX_IOERR
"""All is done, but standard output could not be written, e.g. to a full disk."""
PREEMPTED = os.EX_TEMPFAIL
"""Stopped by SIGTERM, SIGHUP and their like; training saved a checkpoint, and the same command goes on."""
INTERRUPTED = 128 + signal.SIGINT
"""Stopped by Ctrl-C; training saved a checkpoint. As shells have it."""


def status_of(number: int) -> int:
    """Return the exit status of a command that a signal stopped without loss."""
    return INTERRUPTED if number == signal.SIGINT else PREEMPTED
