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
    """A handler that raises, and remembers what it raised."""

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []

    def __call__(self, number: int, _: Any) -> None:
        self.received.append(signal.Signals(number))
        raise Stopped(self.received[-1])


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


def raise_swallowed() -> None:
    """Raise ``Stopped`` again where the one raised before was swallowed: by a destructor, or a bare ``except``.

    Modules of strangers have such; TensorFlow's have, and importing them takes seconds.

    Raises:
        Stopped: there is such a signal.
    """
    received = _swallowed()
    if received:
        raise Stopped(received[0])


def _swallowed() -> list[signal.Signals]:
    raising = signal.getsignal(signal.SIGTERM)
    return raising.received if isinstance(raising, _Raise) else []


@contextmanager
def collected_signals() -> Iterator[list[signal.Signals]]:
    """Collect SIGINT and SIGTERM instead of dying, so that the group of steps and a checkpoint can be finished."""
    received = list(_swallowed())

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
