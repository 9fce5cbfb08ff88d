"""How far a command is that has several things to do: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from types import TracebackType

from dcgan_kit.cli.console import console
from dcgan_kit.errors import printable

SECONDS_BETWEEN_LINES = 10.0


class Telling:
    """Tells people on standard error what is under way."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = console(error=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, visible=False)
        self._last_line = time.monotonic()

    def __enter__(self) -> Telling:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, message: str) -> None:
        """Print a line above the bar."""
        self._console.print(printable(message), markup=False)

    def tell(self, what: str, done: int, total: int) -> None:
        """Show that so many of so many are done."""
        self._bar.update(self._task, description=what, completed=done, total=total, visible=True)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = now
            self.note(f"{what}: {done:,} of {total:,}")
