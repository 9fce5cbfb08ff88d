"""How far a command is: a bar on a terminal, a line now and then anywhere else; on standard error."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from dcgan_kit.cli.console import console
from dcgan_kit.errors import printable

SECONDS_BETWEEN_LINES = 10.0


class Bar:
    """A bar, and lines above it.

    Args:
        columns: of rich, from left to right.
        transient: whether the bar is wiped out at the end.
    """

    def __init__(self, *columns: Any, transient: bool) -> None:
        from rich.progress import Progress

        self._console = console(error=True)
        self.bar = Progress(*columns, console=self._console, transient=transient, disable=not self._console.is_terminal)
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def note(self, message: str) -> None:
        """Print a line above the bar."""
        self._console.print(printable(message), markup=False)

    def line(self, message: str, at_once: bool = False) -> None:
        """Print a line in place of the bar, where there is no terminal: now and then, or at once."""
        now = time.monotonic()
        if not self._console.is_terminal and (at_once or now - self._last_line > SECONDS_BETWEEN_LINES):
            self._last_line = now
            self.note(message)


class Telling(Bar):
    """Tells how far a command is that has several things to do."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        described = TextColumn("{task.description}", markup=False)
        super().__init__(described, BarColumn(), MofNCompleteColumn(), transient=True)
        self._task = self.bar.add_task("", total=None, visible=False)

    def tell(self, what: str, done: int, total: int) -> None:
        """Show that so many of so many are done."""
        self.bar.update(self._task, description=what, completed=done, total=total, visible=True)
        self.line(f"{what}: {done:,} of {total:,}")
