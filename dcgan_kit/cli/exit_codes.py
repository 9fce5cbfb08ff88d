"""Exit statuses of the command line; 0 is done, and 1, Python's own, a fault of dcgan-kit."""

WRONG_INPUT = 2
"""The user's input is wrong; the problems are on standard error."""
UNWRITTEN = 74
"""All is done, but standard output could not be written, e.g. to a full disk. EX_IOERR of sysexits.h."""
PREEMPTED = 75
"""Stopped by SIGTERM, SIGHUP and their like; training saved a checkpoint, and the same command goes on.

EX_TEMPFAIL of sysexits.h.
"""
INTERRUPTED = 130
"""Stopped by Ctrl-C; training saved a checkpoint. 128 + SIGINT, as shells have it."""
