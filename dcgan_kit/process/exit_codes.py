"""Exit statuses of the command line. 0 means success; 1, which Python sets, means a bug in dcgan-kit."""

import os
import signal

WRONG_INPUT = 2
"""The user's input is wrong; standard error lists the problems."""
UNWRITTEN = os.EX_IOERR
"""The work is done, but standard output could not be written, e.g. to a full disk."""
PREEMPTED = os.EX_TEMPFAIL
"""SIGTERM, SIGHUP or a similar signal stopped the command; training saved a checkpoint, and the same command
continues it."""
INTERRUPTED = 128 + signal.SIGINT
"""Ctrl-C stopped the command; training saved a checkpoint. Shells use this status too."""


def status_of(number: int) -> int:
    """Return the exit status after a signal that stopped the command without loss."""
    return INTERRUPTED if number == signal.SIGINT else PREEMPTED
