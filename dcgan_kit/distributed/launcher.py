"""Starts several workers of one training on this machine, to try out distributed training."""

from __future__ import annotations

import json
import math
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from dcgan_kit.process.command import start_command
from dcgan_kit.process.exit_codes import INTERRUPTED, PREEMPTED, WRONG_INPUT, status_of
from dcgan_kit.process.stop_signals import Stopped, blocked_signals, handled_signals
from dcgan_kit.terminal.console import note

LEFT_SECONDS = 10.0
"""After one worker has died, the others have this time to end; then they are killed."""
STOPPED_SECONDS = 40.0
"""After one worker has ended normally, the others have this time to end; then they are killed.

Connected workers end at nearly the same time, with all files written. A worker that hangs, or still waits to connect,
would stay forever.
"""
PROGRESS = "step "
"""Start of a progress line; only the chief's are shown, because all workers print the same."""
ORDERLY = (0, PREEMPTED, INTERRUPTED)
"""Exit statuses of a worker that ended normally, in agreement with the others."""


@dataclass(frozen=True)
class Worker:
    """A process that was started here.

    Attributes:
        index: its index in the cluster; 0 is the chief.
        address: ``host:port``.
        process: the process.
    """

    index: int
    address: str
    process: subprocess.Popen[str]

    def __str__(self) -> str:
        return f"worker {self.index} at {self.address}, process {self.process.pid},"


def run_workers(arguments: Sequence[str], count: int) -> int:
    """Start ``dcgan-kit`` several times, each with its TF_CONFIG, and wait for all processes.

    This process passes signals to stop on to all workers, and prints what they print.

    Args:
        arguments: arguments of the command line, the same for every worker.
        count: number of workers.

    Returns:
        The worst of their exit statuses; 128 + N stands for a worker that signal N killed.

    Raises:
        Stopped: the process received a signal to stop before all workers were started.
    """
    with ExitStack() as held:
        ports = _free_ports(count)
        started: list[Worker] = []
        passed = held.enter_context(_passing_signals_on(started))
        for index in range(count):
            started.append(held.enter_context(_started(arguments, index, ports)))
        if passed:
            # Workers that were started after the signal did not receive it.
            raise Stopped(passed[0])
        output = _WorkerOutput()
        readers = [threading.Thread(target=output.print_all, args=(worker,), daemon=True) for worker in started]
        for reader in readers:
            reader.start()
        status = _wait(started, passed)
        for reader in readers:
            reader.join(timeout=LEFT_SECONDS)
    return status


def _free_ports(count: int) -> list[int]:
    """Return free ports; all are held open at the same time, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(taken.getsockname()[1]) for taken in sockets]


@contextmanager
def _started(arguments: Sequence[str], index: int, ports: Sequence[int]) -> Iterator[Worker]:
    """Start a worker; kill it at the end if it still runs."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    with blocked_signals():
        # A new worker inherits the blocked signals: it cannot handle one while it imports Python modules.
        process = start_command(arguments, {"TF_CONFIG": json.dumps(config)})
    try:
        yield Worker(index, addresses[index], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class _WorkerOutput:
    """Prints the workers' lines; a line that several workers print is shown once."""

    MEMORY = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._printed_by: dict[str, int] = {}

    def print_all(self, worker: Worker) -> None:
        """Print a worker's lines until it ends."""
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self._line(worker.index, line.rstrip("\n"))

    def _line(self, index: int, line: str) -> None:
        if index > 0 and line.startswith(PROGRESS):
            return
        with self._lock:
            if self._printed_by.setdefault(line, index) != index:
                return
            if len(self._printed_by) > self.MEMORY:
                del self._printed_by[next(iter(self._printed_by))]
            note(f"worker {index} | {line}")


@contextmanager
def _passing_signals_on(workers: Sequence[Worker]) -> Iterator[list[signal.Signals]]:
    """Pass signals to stop on to the workers started so far, and yield the list of received signals."""
    passed: list[signal.Signals] = []

    def pass_on(number: int, _: Any) -> None:
        passed.append(signal.Signals(number))
        for worker in workers:
            worker.process.send_signal(number)

    with handled_signals(pass_on):
        yield passed


def _wait(workers: Sequence[Worker], passed: Sequence[signal.Signals]) -> int:
    """Wait for all workers; return the worst exit status.

    Once one worker has died or ended, the others have ``LEFT_SECONDS`` or ``STOPPED_SECONDS`` to end.
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
                # While a worker connects to the others inside TensorFlow, a signal kills it; that counts as stopped.
                status = status_of(-status)
            statuses[worker.index] = status
            if status not in ORDERLY:
                if status != WRONG_INPUT and not died:
                    # Report it even if the others noticed it first and have already ended.
                    note(f"{worker} {_ending(status)}{'; the other workers end too' if len(workers) > 1 else ''}")
                died = True
                end = min(end, time.monotonic() + LEFT_SECONDS)
        if statuses:
            end = min(end, time.monotonic() + STOPPED_SECONDS)
        time.sleep(0.05)
    for worker in workers:
        if worker.index not in statuses and not died:
            note(f"{worker} has not ended {STOPPED_SECONDS:.0f} s after another one, and is killed")
            statuses[worker.index] = -signal.SIGKILL
    return max((_shell_status(status) for status in statuses.values()), key=_severity)


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def _shell_status(status: int) -> int:
    return status if status >= 0 else 128 - status


def _severity(status: int) -> int:
    order = (0, PREEMPTED, INTERRUPTED, WRONG_INPUT)
    return order.index(status) if status in order else len(order)
