"""Signals that ask a training to stop: raised before it begins, heeded where it can stop without loss from then on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2)
"""What asks a training to stop: Ctrl-C; a scheduler; a terminal or ssh connection that ends; a limit of processor time;
what batch systems can be told to send before they kill (SLURM's ``--signal``, Grid Engine's ``-notify``).

SIGQUIT stays the way to end it at once and without a checkpoint.
"""


class Stopped(BaseException):
    """A signal came before training began.

    It is no Exception: those that plugins raise are caught here and there, and this is not theirs.

    Attributes:
        signal: which one.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


class _Raise:
    """A handler that raises, at once or later, and remembers what came."""

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
    """Keep signals of ``STOPPING`` waiting, for this thread and for processes started meanwhile, which inherit it.

    Such a process loses none of them: ``raised_signals`` lets them through once it can answer.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def raised_signals() -> Iterator[None]:
    """Raise ``Stopped`` at signals of ``STOPPING``, until ``collected_signals`` takes them over for good.

    Inside of ``deferred_signals`` they wait for its end. Those that whoever started this process ignores (``nohup``, a
    shell that puts a command into the background) stay ignored.

    Raises:
        Stopped: one came, even if something else swallowed it and failed.
    """
    raising = _Raise()
    before = _take(raising)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        with _again_where_nothing_can_be_raised():
            yield
    except Exception as error:
        if raising.received:
            # Inside TensorFlow's tracing, ``Stopped`` comes out as an error of a context manager, or, with a plugin's
            # layer on the stack, as one of the plugin.
            raise Stopped(raising.received[0]) from error
        raise
    finally:
        _give_back(before)


@contextmanager
def _again_where_nothing_can_be_raised() -> Iterator[None]:
    """Send a signal once more that met a destructor or callback, where Python drops all that is raised."""
    before = sys.unraisablehook
    waiting: list[threading.Timer] = []

    def again(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, Stopped):
            number = unraisable.exc_value.signal
            # A little later, and from elsewhere: raised in here it would be dropped again.
            waiting.append(threading.Timer(0.05, os.kill, (os.getpid(), number)))
            waiting[-1].daemon = True
            waiting[-1].start()
        else:
            before(unraisable)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in waiting:
            timer.cancel()


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Let signals wait for the end of the body, or for ``raise_received`` in it; a second Ctrl-C does not wait.

    For bodies in which TensorFlow starts or builds something: an exception that comes to it from outside, at any place,
    leaves scopes in disorder and tracebacks on the terminal.

    Raises:
        Stopped: one came.
    """
    with _deferring(True):
        yield
    raise_received()


@contextmanager
def prompt_signals() -> Iterator[None]:
    """Let signals interrupt the body, however long a step of it takes, inside of ``deferred_signals``.

    Raises:
        Stopped: one came, now or before.
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
    """Raise ``Stopped`` where a signal was deferred, or raised before and swallowed: a bare ``except`` does that.

    Modules of strangers have such; TensorFlow's have, and importing them takes seconds.

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
    """Collect signals of ``STOPPING`` instead of dying, so that the group of steps and a checkpoint can be finished."""
    raising = _raising()
    received = [] if raising is None else list(raising.received)

    def take(number: int, _: Any) -> None:
        if received and number == signal.SIGINT:
            # A second Ctrl-C means it; the last checkpoint stands.
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    before = _take(take)
    try:
        yield received
    finally:
        # Training is over: a command that would raise has nothing left to stop.
        _give_back({number: handler for number, handler in before.items() if not isinstance(handler, _Raise)})


@contextmanager
def taken_signals(handler: Callable[[int, Any], None] | signal.Handlers) -> Iterator[None]:
    """Give signals of ``STOPPING`` to a handler during the body.

    With ``SIG_DFL`` they end the process at once, as they must where no handler of Python runs.
    """
    before = _take(handler)
    try:
        yield
    finally:
        _give_back(before)


def _take(handler: Callable[[int, Any], None] | signal.Handlers) -> dict[signal.Signals, Any]:
    """Set who takes the signals; return who did, or nothing outside the main thread, where whoever started it does."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in STOPPING if _may_be_taken(number)}


def _may_be_taken(number: signal.Signals) -> bool:
    now = signal.getsignal(number)
    if number in (signal.SIGINT, signal.SIGTERM):
        return now is not signal.SIG_IGN
    # A plugin's own use of SIGUSR1, say to show where a program is, is left alone.
    # A method of a built-in type says no module.
    ours = (getattr(now, "__module__", None) or "").partition(".")[0] in ("dcgan_kit", "dcgan_kit_command")
    return ours or now is signal.SIG_DFL


def _give_back(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
