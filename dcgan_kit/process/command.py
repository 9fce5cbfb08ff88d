"""The command ``dcgan-kit`` in processes of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcgan_kit.process.stop_signals import Stopped, blocked_signals, handled_signals

START = "import sys; from dcgan_kit_command import main; sys.argv[0] = 'dcgan-kit'; main(launcher=0)"


def start_command(
    arguments: Sequence[str], variables: Mapping[str, str], inherited: Sequence[int] = ()
) -> subprocess.Popen[str]:
    """Start the command; its standard error comes with its standard output.

    If this process ends in any way, the command receives SIGTERM. Stop signals of the terminal reach only this process.

    Args:
        arguments: arguments of the command line.
        variables: environment variables in addition to those of this process.
        inherited: file descriptors that the command holds open until it ends.
    """
    return subprocess.Popen(
        # -P: Python must not import from the current folder, as with the installed command.
        [sys.executable, "-P", "-c", START, *arguments],
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(variables),
        # Nothing is written to this pipe. It closes when this process ends in any way, and then the command stops.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=tuple(inherited),
        # A terminal sends Ctrl-C to its whole process group; the command must receive it only once, from this process.
        process_group=0,
    )


@dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        key: a name for it.
        arguments: arguments of the command line.
        variables: environment variables in addition to those of this process.
    """

    key: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


def run_commands(
    jobs: Sequence[Job],
    at_once: int,
    on_line: Callable[[Job, str], object],
    on_end: Callable[[Job, int], bool],
    inherited: Sequence[int] = (),
) -> None:
    """Run commands to their ends, several at once, and pass stop signals on to all of them.

    Args:
        jobs: the commands, in the order in which they start.
        at_once: how many run at the same time.
        on_line: receives each line that a command prints. If it returns False, all commands are stopped in order.
        on_end: receives the exit status of each command, which is negative if a signal killed it. If it returns False,
            no more commands start, and the others are stopped in order.
        inherited: file descriptors that the commands hold open.

    Raises:
        Stopped: this process received a stop signal; all commands have ended.
    """
    _Jobs(jobs, at_once, on_line, on_end, inherited).run()


class _Jobs:
    def __init__(
        self,
        jobs: Sequence[Job],
        at_once: int,
        on_line: Callable[[Job, str], object],
        on_end: Callable[[Job, int], bool],
        inherited: Sequence[int],
    ) -> None:
        self._waiting, self._at_once, self._inherited = list(jobs), at_once, inherited
        self._on_line, self._on_end = on_line, on_end
        self._running: dict[str, tuple[Job, subprocess.Popen[str]]] = {}
        self._lines: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._passed: list[signal.Signals] = []
        self._ending = False

    def run(self) -> None:
        """Run all of them; see ``run_commands``."""
        try:
            with handled_signals(self._pass_on):
                self._start()
                while self._running:
                    self._take(*self._lines.get())
        finally:
            for _, process in self._running.values():
                process.kill()
                _ended(process)
        if self._passed:
            raise Stopped(self._passed[0])

    def _take(self, key: str, line: str | None) -> None:
        job, process = self._running[key]
        if line is not None:
            if self._on_line(job, line) is False:
                self._end()
            return
        status = _ended(process)
        del self._running[key]
        if not self._on_end(job, status):
            self._end()
        self._start()

    def _end(self) -> None:
        if not self._ending:
            self._ending = True
            self._send(signal.SIGTERM)

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            with blocked_signals():
                if self._ending:
                    return
                job = self._waiting.pop(0)
                # It inherits the blocked signals: it cannot handle one while it imports Python modules.
                process = start_command(job.arguments, job.variables, self._inherited)
                self._running[job.key] = (job, process)
            threading.Thread(target=self._read, args=(job.key, process), daemon=True).start()

    def _read(self, key: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._lines.put((key, line.rstrip("\n")))
        self._lines.put((key, None))

    def _pass_on(self, number: int, _: Any) -> None:
        self._passed.append(signal.Signals(number))
        self._ending = True
        self._send(number)

    def _send(self, number: int) -> None:
        for _, process in self._running.values():
            process.send_signal(number)


def _ended(process: subprocess.Popen[str]) -> int:
    """Wait for a process, and return its exit status."""
    status = process.wait()
    assert process.stdin is not None
    process.stdin.close()
    return status
