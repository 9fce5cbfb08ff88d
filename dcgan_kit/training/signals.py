"""Signals that ask a training to stop: raised before it begins, heeded where it can stop without loss from then on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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


STOPPING = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def blocked_signals() -> Iterator[None]:
    """Keep SIGINT and SIGTERM waiting, for this thread and for processes started meanwhile, which inherit it.

    Such a process loses none of them: ``raised_signals`` lets them through once it can answer.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def raised_signals() -> Iterator[None]:
    """Raise ``Stopped`` at SIGINT and SIGTERM, until ``collected_signals`` takes both over for good.

    Inside of ``deferred_signals`` they wait for its end.

    Raises:
        Stopped: one came, even if something else swallowed it and failed.
    """
    raising = _Raise()
    before = _take(raising)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
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
    handler = signal.getsignal(signal.SIGTERM)
    return handler if isinstance(handler, _Raise) else None


@contextmanager
def collected_signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGINT and SIGTERM instead of dying, so that the group of steps and a checkpoint can be finished."""
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


def _take(handler: Callable[[int, Any], None]) -> dict[signal.Signals, Any]:
    """Set who takes both signals; return who did, or nothing outside the main thread, where whoever started it does."""
    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handler)
    except ValueError:
        return {}
    return before


def _give_back(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
