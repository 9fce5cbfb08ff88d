"""The program ``dcgan-kit``. It handles stop signals before it imports anything that takes time.

It is a separate module because importing any part of the package imports all that plugins may need. That takes a third
of a second, in which a signal would end the process with a traceback.
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
"""Exit status after Ctrl-C, as in shells. After any other signal it is ``os.EX_TEMPFAIL``."""


class _Ending:
    """A handler that ends the process at once, with the status that fits.

    Attributes:
        status: exit status of the finished command; None while the program starts, when nothing can be lost.
    """

    def __init__(self) -> None:
        self.status: int | None = None

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.status is not None:
            os._exit(self.status)
        message = f"stopped by {signal.Signals(number).name} while it started; give the same command again\n"
        # The reader may have ended, or standard error may be closed; then the exit status is all that remains.
        with suppress(OSError):
            os.write(2, message.encode())
        os._exit(INTERRUPTED if number == signal.SIGINT else os.EX_TEMPFAIL)


def main(launcher: int | None = None) -> None:
    """Run the command line.

    Every signal of ``dcgan_kit.process.stop_signals.STOPPING`` ends it with status 130 (SIGINT) or 75, unless it
    was ignored from the start. Once the command is done, they end it with the command's status.

    Args:
        launcher: file descriptor of a pipe that ``dcgan-kit launch``, which started this worker, holds open. If that
            is killed, the worker stops in order, as at SIGTERM.
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
    # The function that is registered first runs last. Python then restores the default actions of signals, while
    # TensorFlow still ends its threads: a signal in that moment must not turn a finished command into a killed one.
    atexit.register(_ignore, stopping)
    if launcher is not None:
        threading.Thread(target=_stop_with, args=(launcher,), name="launcher", daemon=True).start()
    try:
        from dcgan_kit.cli import main as run

        run()
    except SystemExit as end:
        # Flush now, while no signal can interrupt it. Python itself reports what cannot be written.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        ending.status = _status(end.code)
        raise
    except BaseException:
        ending.status = 1
        raise


def _stop_with(launcher: int) -> None:
    """Wait until the launcher ends; then stop."""
    while os.read(launcher, 1):
        pass
    # The launcher read the output of this process, and a pipe without a reader would end the training.
    null = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(null, output)
    os.kill(os.getpid(), signal.SIGTERM)


def _ignore(numbers: list[signal.Signals]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _status(code: object) -> int:
    """Return the exit status that Python makes of ``sys.exit(code)``."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
