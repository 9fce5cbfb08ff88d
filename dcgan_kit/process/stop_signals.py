"""Signals to stop a training. Before it begins, they raise an exception; later, it stops where nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2)
"""Signals to stop a training. They come from Ctrl-C, a scheduler, a terminal or ssh connection that ends, a limit of
processor time, or a batch system before it kills the process (SLURM's ``--signal``, Grid Engine's ``-notify``).

SIGQUIT still ends the process at once, without a checkpoint.
"""


class Stopped(BaseException):
    """A signal to stop came before training began.

    It is not a subclass of ``Exception``, so that code that catches plugins' exceptions does not catch it.

    Attributes:
        signal: the signal.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


class _Raise:
    """A handler that raises, at once or later, and records the received signals."""

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        self.deferred = False

    def __call__(self, number: int, _: Any) -> None:
        impatient = number == signal.SIGINT and signal.SIGINT in self.received
        self.received.append(signal.Signals(number))
        if impatient or not self.deferred:
            raise Stopped(self.received[0])


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Block the signals of ``STOPPING`` for this thread during the body; processes started in the body inherit this.

    Such a process loses no signal: ``raised_signals`` unblocks them when it can handle them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def raised_signals() -> Iterator[None]:
    """Raise ``Stopped`` at signals of ``STOPPING``, until ``collected_signals`` takes them over.

    Inside ``deferred_signals`` they wait for its end. Signals that the process was started to ignore stay ignored, for
    example after ``nohup``, or in the background of a shell.

    Raises:
        Stopped: a signal came, even if other code caught the exception and then failed.
    """
    raising = _Raise()
    before = _set_handlers(raising)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        with _resent_signals():
            yield
    except Exception as error:
        if raising.received:
            # Inside TensorFlow's tracing, ``Stopped`` may turn into an error of a context manager, or of a plugin
            # whose layer is on the stack.
            raise Stopped(raising.received[0]) from error
        raise
    finally:
        _restore_handlers(before)


@contextmanager
def _resent_signals() -> Iterator[None]:
    """Send a signal again if it came in a destructor or callback, where Python drops every exception."""
    before = sys.unraisablehook
    waiting: list[threading.Timer] = []

    def resend(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Stopped):
            number = unraisable.exc_value.signal
            # A timer sends it a little later, because an exception raised here would be dropped again.
            waiting.append(threading.Timer(0.05, os.kill, (os.getpid(), number)))
            waiting[-1].daemon = True
            waiting[-1].start()
        else:
            before(unraisable)

    sys.unraisablehook = resend
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in waiting:
            timer.cancel()


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer signals until the end of the body, or until ``raise_received`` in it; a second Ctrl-C does not wait.

    Use it where TensorFlow starts or builds something. An exception from outside, at any place, would leave its scopes
    in disorder and print tracebacks.

    Raises:
        Stopped: a signal came.
    """
    with _deferring(True):
        yield
    raise_received()


@contextmanager
def prompt_signals() -> Iterator[None]:
    """Inside ``deferred_signals``, let signals interrupt this body at once.

    Raises:
        Stopped: a signal came, now or before.
    """
    with _deferring(False):
        raise_received()
        yield


@contextmanager
def _deferring(deferred: bool) -> Iterator[None]:
    raising = _raising()
    if raising is None:
        yield
        return
    before, raising.deferred = raising.deferred, deferred
    try:
        yield
    finally:
        raising.deferred = before


def raise_received() -> None:
    """Raise ``Stopped`` if a signal came that was deferred, or whose exception other code caught.

    A bare ``except`` catches it. TensorFlow and third-party modules have such code, and their imports take seconds.

    Raises:
        Stopped: there is such a signal.
    """
    raising = _raising()
    if raising is not None and raising.received:
        raise Stopped(raising.received[0])


def _raising() -> _Raise | None:
    handlers = map(signal.getsignal, STOPPING)
    return next((handler for handler in handlers if isinstance(handler, _Raise)), None)


@contextmanager
def collected_signals() -> Iterator[list[signal.Signals]]:
    """Collect signals of ``STOPPING``, so that training can finish its group of steps and save a checkpoint."""
    raising = _raising()
    received = [] if raising is None else list(raising.received)

    def collect(number: int, _: Any) -> None:
        if received and number == signal.SIGINT:
            # A second Ctrl-C ends training at once; the last checkpoint stays valid.
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    before = _set_handlers(collect)
    try:
        yield received
    finally:
        # Training is over, so handlers that raise ``Stopped`` have nothing to stop and are not restored.
        _restore_handlers({number: handler for number, handler in before.items() if not isinstance(handler, _Raise)})


@contextmanager
def handled_signals(handler: Callable[[int, Any], None] | signal.Handlers) -> Iterator[None]:
    """Set the handler for signals of ``STOPPING`` during the body.

    With ``SIG_DFL`` a signal ends the process at once; this is needed where no Python handler can run.
    """
    before = _set_handlers(handler)
    try:
        yield
    finally:
        _restore_handlers(before)


def _set_handlers(handler: Callable[[int, Any], None] | signal.Handlers) -> dict[signal.Signals, Any]:
    """Set a handler for the signals; return the handlers before.

    Outside the main thread, Python cannot set handlers, so the result is empty.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in STOPPING if _may_be_replaced(number)}


def _may_be_replaced(number: signal.Signals) -> bool:
    now = signal.getsignal(number)
    if number in (signal.SIGINT, signal.SIGTERM):
        return now is not signal.SIG_IGN
    # A plugin's own handler stays, e.g. one for SIGUSR1. Methods of built-in types have no ``__module__``.
    own = (getattr(now, "__module__", None) or "").partition(".")[0] in ("dcgan_kit", "dcgan_kit_command")
    return own or now is signal.SIG_DFL


def _restore_handlers(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
