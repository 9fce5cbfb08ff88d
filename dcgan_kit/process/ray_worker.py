"""What a task of Ray does on the node where it runs: look around, start the command, and report its lines."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.process.command import start_command
from dcgan_kit.process.exit_codes import INTERRUPTED, PREEMPTED, WRONG_INPUT
from dcgan_kit.process.stop_signals import blocked_signals
from dcgan_kit.version import PACKAGES, __version__, package_version

SECONDS_BETWEEN_REPORTS = 0.5
DIED = -1
"""Status of a command that something other than this program ended."""


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that decide about numbers."""
    return {"dcgan-kit": __version__, **{name: package_version(name) for name in PACKAGES}}


@dataclass(frozen=True)
class NodeRequirements:
    """What every node must have.

    Attributes:
        folder: a folder that all nodes share, as an absolute path.
        token: name of a file in it.
        content: content of that file.
        versions: see ``versions``.
        working_folder: the folder where the commands start, if the node has it.
    """

    folder: str
    token: str
    content: str
    versions: Mapping[str, str]
    working_folder: str

    def lacking(self) -> str:
        """Return what this node lacks; empty if nothing."""
        try:
            content = Path(self.folder, self.token).read_text("ascii")
        except (OSError, ValueError):
            content = ""
        if content != self.content:
            return (
                f"does not see the files of {self.folder} on this machine. Put the study into a folder that all nodes "
                "share, at the same path: --folder DIR"
            )
        other = [
            f"{name} {here} instead of {self.versions[name]}"
            for name, here in versions().items()
            if here != self.versions[name]
        ]
        if other:
            return f"has {', '.join(other)}; numbers depend on these versions, so install the same ones on all nodes"
        return ""


class Board:
    """An actor between the tasks and the program that started them: lines one way, stop signals the other.

    If its process dies, Ray starts it again, empty. Lines may then be lost; signals are written again.
    """

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._begun: set[str] = set()
        self._signals: list[int] = []

    def report(self, key: str, lines: Sequence[str]) -> list[int]:
        """Add lines of a command; return the signals that all commands should receive."""
        self._begun.add(key)
        self._lines += [(key, line) for line in lines]
        return self._signals

    def take(self, signals: list[int]) -> tuple[list[tuple[str, str]], set[str]]:
        """Set the signals; return the new lines, and the commands that have reported since the last call."""
        self._signals = signals
        lines, self._lines = self._lines, []
        begun, self._begun = self._begun, set()
        return lines, begun


def check_node(required: NodeRequirements) -> str:
    """Return what this node lacks; see ``NodeRequirements.lacking``."""
    return required.lacking()


def run_command(
    board: Any, required: NodeRequirements, key: str, arguments: Sequence[str], variables: Mapping[str, str]
) -> int:
    """Run a command on this node.

    Args:
        board: the actor ``Board``.
        required: what the node must have.
        key: name of the command.
        arguments: arguments of its command line.
        variables: environment variables in addition to those of the node.

    Returns:
        Its exit status; ``DIED`` if it was ended by something else than a signal from the board.
    """
    import ray

    passed = list(ray.get(board.report.remote(key, [])))
    if passed:
        return PREEMPTED
    trouble = required.lacking()
    if trouble:
        ray.get(board.report.remote(key, [f"node {ray.util.get_node_ip_address()} {trouble}"]))
        return WRONG_INPUT
    if os.path.isdir(required.working_folder):
        os.chdir(required.working_folder)
    with blocked_signals():
        process = start_command(arguments, variables)
    try:
        for lines in _lines(process):
            signals = ray.get(board.report.remote(key, lines))
            for number in signals[len(passed) :]:
                process.send_signal(number)
                passed.append(number)
        status = process.wait()
    finally:
        _end(process)
    ended_by_others = status < 0 or status in (PREEMPTED, INTERRUPTED)
    return DIED if ended_by_others and not passed else status


def _lines(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """Yield what a process prints, a list at least twice a second, until it closes its output."""
    printed: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                printed.put(line.rstrip("\n"))
        printed.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        lines = []
        try:
            lines.append(printed.get(timeout=SECONDS_BETWEEN_REPORTS))
            while True:
                lines.append(printed.get_nowait())
        except queue.Empty:
            pass
        yield [line for line in lines if line is not None]
        if None in lines:
            return


def _end(process: subprocess.Popen[str]) -> None:
    """Let a process stop in order, if it still runs because this task was cancelled."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert process.stdin is not None
    process.stdin.close()
