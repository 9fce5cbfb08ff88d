"""Progress of a command on standard error: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from dcgan_kit.errors import printable
from dcgan_kit.terminal.console import console, plain_table
from dcgan_kit.terminal.quantities import duration

SECONDS_BETWEEN_LINES = 10.0
STEPS_TO_EXPECT = 20
"""Steps of a training, after the first ones, before it says how long the rest takes."""


class Watcher(Protocol):
    """Receives messages and the progress of training."""

    def note(self, message: str) -> None:
        """Receive a message for the user."""

    def preparation(self, task: str, done: int, total: int) -> None:
        """Receive the progress of a task before the first step, if it takes more than two seconds."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Receive the number of steps done and the latest metrics."""


@runtime_checkable
class TableWatcher(Watcher, Protocol):
    """A watcher that also shows a table, which replaces the one before."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Receive a table: the names of its columns, and its rows."""


class Bar:
    """A progress bar, with messages above it.

    Args:
        columns: columns of rich, from left to right.
        transient: whether the bar is removed at the end.
    """

    def __init__(self, *columns: Any, transient: bool) -> None:
        from rich.progress import Progress

        class Parts(Progress):
            """The bars, below what else is shown."""

            above: Sequence[Any] = ()

            def get_renderables(self) -> Iterator[Any]:
                """Yield what is shown, from the top."""
                yield from self.above
                yield from super().get_renderables()

        self._console = console(error=True)
        self.bar = Parts(*columns, console=self._console, transient=transient, disable=not self._console.is_terminal)
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def note(self, message: str) -> None:
        """Print a message above the bar."""
        self._console.print(printable(message), markup=False)

    def line(self, message: str, at_once: bool = False) -> None:
        """Without a terminal, print a line instead of the bar: at most every ten seconds, or at once."""
        now = time.monotonic()
        if not self._console.is_terminal and (at_once or now - self._last_line > SECONDS_BETWEEN_LINES):
            self._last_line = now
            self.note(message)


class TaskProgress(Bar):
    """Shows the progress of a command that does several tasks, one after the other."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        described = TextColumn("{task.description}", markup=False)
        super().__init__(described, BarColumn(), MofNCompleteColumn(), transient=True)
        self._task = self.bar.add_task("", total=None, visible=False)

    def preparation(self, task: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` items are done."""
        self.bar.update(self._task, description=task, completed=done, total=total, visible=True)
        self.line(f"{task}: {done:,} of {total:,}")

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show nothing, because there are no steps."""


class RunsProgress(Bar):
    """Shows the progress of several tasks at the same time, each with a bar of its own until it is done.

    On a terminal, a table can stand above the bars.
    """

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        described = TextColumn("{task.description}", markup=False)
        columns = (described, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"))
        super().__init__(*columns, TimeRemainingColumn(), transient=True)
        self._tasks: dict[str, Any] = {}
        self._at: dict[str, tuple[int, int]] = {}

    def preparation(self, task: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` items of a task are done."""
        if task not in self._tasks:
            self._tasks[task] = self.bar.add_task(task, total=total)
        self.bar.update(self._tasks[task], completed=done, total=total)
        self._at[task] = done, total
        if done >= total:
            self.bar.remove_task(self._tasks.pop(task))
            del self._at[task]
        self.line("; ".join(f"{name}: {at:,} of {most:,}" for name, (at, most) in self._at.items()) or task)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a table above the bars, in place of the one before."""
        from rich.text import Text

        shown = plain_table()
        for place, name in enumerate(columns):
            shown.add_column(
                Text(printable(name)), justify="right" if place else "left", no_wrap=True, overflow="ellipsis"
            )
        for row in rows:
            shown.add_row(*(Text(printable(cell)) for cell in row))
        self.bar.above = (shown,)
        self.bar.refresh()

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show nothing, because each task reports its own steps."""


class TrainingProgress(Bar):
    """Shows the progress of a training.

    Args:
        steps: number of steps of the whole training.
        batch_size: number of images in a step.
    """

    def __init__(self, steps: int, batch_size: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        super().__init__(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            transient=False,
        )
        self._steps, self._batch_size = steps, batch_size
        self._task = self.bar.add_task("train", total=steps, losses="reading images, compiling…")
        self._started: tuple[float, int] | None = None

    def preparation(self, task: str, done: int, total: int) -> None:
        """Show the progress of a task before the first step."""
        self.bar.update(self._task, losses=f"{task}: {done:,} of {total:,}")
        self.line(f"{task}: {done:,} of {total:,}")

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Update the bar."""
        losses = f"G {metrics['generator_loss']:.2f}  D {metrics['discriminator_loss']:.2f}"
        self.bar.update(self._task, completed=step, losses=losses)
        now, first = time.monotonic(), self._started is None
        self._started = self._started or (now, step)
        images, seconds = (step - self._started[1]) * self._batch_size, now - self._started[0]
        speed = f"  {images / seconds:.0f} images/s{self._left(step, seconds)}" if images else ""
        self.line(f"step {step} of {self._steps}  {losses}{speed}", at_once=first or step == self._steps)

    def _left(self, step: int, seconds: float) -> str:
        """Return how long the rest takes if it goes on like this; empty before there are steps enough to say it."""
        assert self._started is not None
        done = step - self._started[1]
        if done < STEPS_TO_EXPECT or step >= self._steps:
            return ""
        return f"  about {duration(seconds / done * (self._steps - step))} left"


def progress_to(
    watcher: Watcher | None, bar: Callable[[], AbstractContextManager[Watcher]] = TaskProgress
) -> AbstractContextManager[Watcher]:
    """Return a context that gives the watcher, or a progress bar if there is none."""
    return bar() if watcher is None else nullcontext(watcher)


class Quiet:
    """Shows nothing; for programs that show progress themselves."""

    def note(self, message: str) -> None:
        """Show nothing."""

    def preparation(self, task: str, done: int, total: int) -> None:
        """Show nothing."""

    def progress(self, step: int, metrics: Mapping[str, float]) -> None:
        """Show nothing."""
