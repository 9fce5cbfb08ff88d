"""Where commands run: as processes of this machine, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dcgan_kit.process.command import Job, run_commands

OnLine = Callable[[Job, str], object]
"""Receives each line that a command prints. If it returns False, all commands are stopped in order."""
OnEnd = Callable[[Job, int], bool]
"""Receives the exit status of a command. If it returns False, no more commands start, and the others are stopped."""


class Scheduler(Protocol):
    """Runs commands, several at once."""

    def run(self, jobs: Sequence[Job], on_line: OnLine, on_end: OnEnd) -> None:
        """Run commands to their ends, and pass stop signals on to all of them; see ``command.run_commands``.

        Raises:
            Stopped: this process received a stop signal; all commands have ended.
        """


@dataclass(frozen=True)
class ThisMachine:
    """Runs commands as processes of this machine.

    Attributes:
        at_once: how many run at the same time.
        inherited: file descriptors that the commands hold open.
    """

    at_once: int
    inherited: tuple[int, ...] = ()

    def run(self, jobs: Sequence[Job], on_line: OnLine, on_end: OnEnd) -> None:
        """Run commands; see ``Scheduler``."""
        run_commands(jobs, self.at_once, on_line, on_end, self.inherited)
