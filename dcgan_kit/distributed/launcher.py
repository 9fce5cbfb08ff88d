"""Several workers of one training on this machine, to try distribution out."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from dcgan_kit.process.exit_codes import INTERRUPTED, PREEMPTED, WRONG_INPUT, status_of
from dcgan_kit.process.stop_signals import Stopped, blocked_signals, taken_signals
from dcgan_kit.terminal.console import note

START = "import sys; from dcgan_kit_command import main; sys.argv[0] = 'dcgan-kit'; main(launcher=0)"
LEFT_SECONDS = 10.0
"""Time that the others have to end by themselves when one worker has died; then they are killed."""
STOPPED_SECONDS = 40.0
"""The same when one has ended in order: a worker that waits to meet it, or stands still, would be there for ever.

Workers that have met end together, and have written all by then: that takes them a moment.
"""
PROGRESS = "step "
"""How a line of progress begins; it is shown of the chief alone, as all workers say the same."""
ORDERLY = (0, PREEMPTED, INTERRUPTED)
"""Exit statuses of a worker that has told the others."""


@dataclass(frozen=True)
class Worker:
    """A process that was started here.

    Attributes:
        index: which one of the cluster; 0 is the chief.
        address: ``host:port``.
        process: the process.
    """

    index: int
    address: str
    process: subprocess.Popen[str]

    def __str__(self) -> str:
        return f"worker {self.index} at {self.address}, process {self.process.pid},"


def run_workers(arguments: Sequence[str], count: int) -> int:
    """Start ``dcgan-kit`` several times, with TF_CONFIG set, and wait for all of them.

    Signals that ask to stop go to all of them. What they print is printed here.

    Args:
        arguments: of the command line, the same for every worker.
        count: how many workers.

    Returns:
        The worst of their exit statuses; 128 + N stands for a worker that signal N killed.

    Raises:
        Stopped: a signal came before all were started.
    """
    with ExitStack() as held:
        ports = _free_ports(count)
        started: list[Worker] = []
        passed = held.enter_context(_passing_signals_on(started))
        for index in range(count):
            started.append(held.enter_context(_started(arguments, index, ports)))
        if passed:
            # Some may have been started after it.
            raise Stopped(passed[0])
        show = _Shown()
        readers = [threading.Thread(target=show.all_of, args=(worker,), daemon=True) for worker in started]
        for reader in readers:
            reader.start()
        status = _wait(started, passed)
        for reader in readers:
            reader.join(timeout=LEFT_SECONDS)
    return status


def _free_ports(count: int) -> list[int]:
    """Ports on which nobody listens now; all are held at once, so that none comes twice."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(taken.getsockname()[1]) for taken in sockets]


@contextmanager
def _started(arguments: Sequence[str], index: int, ports: Sequence[int]) -> Iterator[Worker]:
    """Start a worker; it is killed at the end if it still runs then."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    with blocked_signals():
        # While a worker imports Python modules, nothing of it could answer a signal.
        process = _process(arguments, config)
    try:
        yield Worker(index, addresses[index], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _process(arguments: Sequence[str], config: Mapping[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        # The current folder is not to be imported from, just as with the installed command.
        [sys.executable, "-P", "-c", START, *arguments],
        env=os.environ | {"TF_CONFIG": json.dumps(config), "PYTHONUNBUFFERED": "1"},
        # Nothing is written to it: it ends when this process does, however that is, and a worker stops then.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A terminal sends Ctrl-C to its whole group; workers are to get it once, from here.
        process_group=0,
    )


class _Shown:
    """Prints lines of workers, those that several of them say only once."""

    MEMORY = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said_by: dict[str, int] = {}

    def all_of(self, worker: Worker) -> None:
        """Print what a worker says until it ends."""
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self._line(worker.index, line.rstrip("\n"))

    def _line(self, index: int, line: str) -> None:
        if index > 0 and line.startswith(PROGRESS):
            return
        with self._lock:
            if self._said_by.setdefault(line, index) != index:
                return
            if len(self._said_by) > self.MEMORY:
                del self._said_by[next(iter(self._said_by))]
            note(f"worker {index} | {line}")


@contextmanager
def _passing_signals_on(workers: Sequence[Worker]) -> Iterator[list[signal.Signals]]:
    """Send signals that ask to stop to the workers that there are, and yield those that came."""
    passed: list[signal.Signals] = []

    def pass_on(number: int, _: Any) -> None:
        passed.append(signal.Signals(number))
        for worker in workers:
            worker.process.send_signal(number)

    with taken_signals(pass_on):
        yield passed


def _wait(workers: Sequence[Worker], passed: Sequence[signal.Signals]) -> int:
    """Wait for all workers → the worst exit status.

    Once one has died, or has ended in another way, the others are given a little time.
    """
    statuses: dict[int, int] = {}
    end = math.inf
    died = False
    while len(statuses) < len(workers) and time.monotonic() < end:
        for worker in workers:
            status = worker.process.poll()
            if status is None or worker.index in statuses:
                continue
            if -status in passed:
                # TensorFlow does not let a worker that waits for the others do more than die at a signal.
                status = status_of(-status)
            statuses[worker.index] = status
            if status not in ORDERLY:
                if status != WRONG_INPUT and not died:
                    # Also where the others have noticed first, and ended before this was seen.
                    note(f"{worker} {_how(status)}{'; that ends the others' if len(workers) > 1 else ''}")
                died = True
                end = min(end, time.monotonic() + LEFT_SECONDS)
        if statuses:
            end = min(end, time.monotonic() + STOPPED_SECONDS)
        time.sleep(0.05)
    for worker in workers:
        if worker.index not in statuses and not died:
            note(f"{worker} has not ended {STOPPED_SECONDS:.0f} s after another one, and is killed")
            statuses[worker.index] = -signal.SIGKILL
    return max((_as_shells_have_it(status) for status in statuses.values()), key=_badness)


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def _as_shells_have_it(status: int) -> int:
    return status if status >= 0 else 128 - status


def _badness(status: int) -> int:
    order = (0, PREEMPTED, INTERRUPTED, WRONG_INPUT)
    return order.index(status) if status in order else len(order)
