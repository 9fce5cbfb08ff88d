"""The program ``dcgan-kit``: heeds signals that ask it to stop before it imports anything that takes time.

It is a module of its own because importing any part of the package imports all that plugins may need, a third of a
second in which a signal would end the process with a traceback.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""Stopped by Ctrl-C, as shells have it. The other status, of every other signal, is ``os.EX_TEMPFAIL``."""


class _Ending:
    """A handler that ends the process at once, with the status that it has earned.

    Attributes:
        status: of the command that is done; None while it starts, where nothing can be lost.
    """

    def __init__(self) -> None:
        self.status: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.status is not None:
            os._exit(self.status)
        told = f"stopped by {signal.Signals(number).name} while it started; give the same command again\n"
        # Who read it may be gone, or standard error closed; the status tells.
        with suppress(OSError):
            os.write(2, told.encode())
        os._exit(INTERRUPTED if number == signal.SIGINT else os.EX_TEMPFAIL)


def main(launcher: int | None = None) -> None:
    """Run the command line.

    Every signal of ``dcgan_kit.process.stop_signals.STOPPING`` ends it with status 130 (SIGINT) or 75, unless it
    was ignored from the start; once the command is done, with the command's status.

    Args:
        launcher: file descriptor of a pipe that ``dcgan-kit launch``, which started this worker, holds open; where that
            was killed, the worker stops in order, as at SIGTERM.
    """
    ending = _Ending()
    stopping = [
        number
        for number in (
            signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2,
        )
        if signal.getsignal(number) is not signal.SIG_IGN
    ]  # fmt: skip
    for number in stopping:
        signal.signal(number, ending)
    # ``launch`` starts its workers with all of them blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping)
    # The first to be registered runs last. Python then gives signals their default action back, and TensorFlow still
    # has to end its threads: what comes in that moment must not turn a finished command into a killed one.
    atexit.register(_ignore, stopping)
    if launcher is not None:
        threading.Thread(target=_stop_after, args=(launcher,), name="launcher", daemon=True).start()
    try:
        from dcgan_kit.cli import main as run

        run()
    except SystemExit as end:
        # Now, while no signal can cut it off; what cannot be written is Python's to tell of.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        ending.status = _status(end.code)
        raise
    except BaseException:
        ending.status = 1
        raise


def _stop_after(launcher: int) -> None:
    """Wait until the launcher is gone; then stop."""
    while os.read(launcher, 1):
        pass
    # It read what this process says, and a pipe without a reader would end the training.
    nobody = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nobody, output)
    os.kill(os.getpid(), signal.SIGTERM)


def _ignore(numbers: list[signal.Signals]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _status(code: object) -> int:
    """The exit status that Python makes of ``sys.exit(code)``."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
